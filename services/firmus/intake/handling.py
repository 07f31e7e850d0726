"""What becomes of one start event: done, to be tried again later, or a dead letter."""

import msgspec

from firmus.intake.starts import StartMessage, read_start
from firmus.ports import PayloadsPort, StartsPort, Unavailable
from firmus.workflow.external import place_of
from firmus_contracts.bodies import decode_object
from firmus_contracts.commands import Rejected, StartWorkflow
from firmus_contracts.errors import ERRORS, Refusal

DELAY_FIRST_S = 0.5
DELAY_MOST_S = 30.0
DELIVERIES_OF_FAULTS_MAX = 10
"""A fault of ours (HTTP 500) may pass; after this many tries it is a dead letter all the same."""


class Started(msgspec.Struct, frozen=True):
    """The workflow is in the log, now or since an earlier delivery."""

    workflow_id: str


class Later(msgspec.Struct, frozen=True):
    """Something is away for the moment."""

    delay_s: float
    why: str


class Dead(msgspec.Struct, frozen=True):
    """It can never be a start."""

    code: str
    reason: str


Outcome = Started | Later | Dead


async def handle(
    message: StartMessage, starts: StartsPort, payloads: PayloadsPort | None = None
) -> Outcome:
    """Starts the workflow that a message asks for. Doing it twice is harmless."""
    try:
        start = read_start(message)
        command = await _with_input(start.command, payloads)
        answer = await starts.start(command, start.strategy)
    except Refusal as refused:
        return _refused(refused.code, refused.message, message)
    except Unavailable as error:
        return Later(_delay_s(message), str(error))
    if isinstance(answer, Rejected):
        return _refused(answer.code, answer.message, message)
    return Started(answer.workflow_id)


async def _with_input(command: StartWorkflow, payloads: PayloadsPort | None) -> StartWorkflow:
    """The start with the input that it names by a path (spec 1.10). Raises Refusal INVALID."""
    path = command.external_input_path
    if not path:
        return command
    nothing = Refusal("INVALID", f"externalInputPayloadStoragePath: nothing is stored at {path}")
    place = place_of(path)
    if place is None or payloads is None:
        raise nothing
    try:
        given = decode_object(await payloads.get(place.path))
    except KeyError:
        raise nothing from None
    return msgspec.structs.replace(command, input=given)


def _refused(code: str, reason: str, message: StartMessage) -> Outcome:
    problem = ERRORS.get(code, ERRORS["INTERNAL"])
    ours = problem.status == ERRORS["INTERNAL"].status
    if problem.retryable or (ours and message.delivery < DELIVERIES_OF_FAULTS_MAX):
        return Later(_delay_s(message), f"{code}: {reason}")
    return Dead(code, reason)


def _delay_s(message: StartMessage) -> float:
    doublings = max(0, min(message.delivery - 1, 10))
    return min(DELAY_FIRST_S * (1 << doublings), DELAY_MOST_S)
