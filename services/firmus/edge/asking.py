"""How edges ask the decider: commands with an id, and reads that are never behind.

A command whose answer was lost is looked for in the workflow before it is called unavailable, so
a caller is told "done" whenever it is known to be done (spec 4.5; design, "Commands are
idempotent").
"""

import asyncio
import itertools
import secrets

import msgspec

from firmus.clock import SystemClock
from firmus.ports import DeciderPort, Unavailable
from firmus.security.grants import EVERYBODY, Principal
from firmus.workflow.state import WorkflowState
from firmus_contracts import ids
from firmus_contracts.commands import Accepted, Command, Rejected
from firmus_contracts.errors import Refusal, ValidationError, no_workflow

START_WITHIN_MS = 1_000
START_PAUSE_S = 0.01
NULL = msgspec.Raw(b"null")
_VALIDATION_ERRORS = msgspec.json.Decoder(tuple[ValidationError, ...])


class Said(msgspec.Struct, frozen=True):
    """What a request says of its command beside its body. `by`: who asks, and `actor`: how the
    history calls them.
    """

    command_id: str
    trace: str | None = None
    actor: str = ""
    by: Principal = EVERYBODY


class CommandIds:
    """Ids that no other command has: random for the process, counted within it."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(8)
        self._counter = itertools.count(1)

    def fresh(self) -> str:
        return f"{self._prefix}-{next(self._counter)}"

    def within(self, key: str | None, *scope: str) -> str:
        """The id of a request's command: the client's own key within `scope`, else a fresh one.

        The scope (what is done to whom) keeps a key that a client uses for two different things
        from making the second one look like a repetition.
        """
        return self.fresh() if key is None else ":".join((*scope, key))


def refusal(rejected: Rejected) -> Refusal:
    """The decider's answer as an exception; its details, if any, are validation errors."""
    details = rejected.details
    return Refusal(
        rejected.code,
        rejected.message,
        _VALIDATION_ERRORS.decode(details) if details else None,
    )


async def submit(decider: DeciderPort, command: Command) -> Accepted:
    """Sends a command. Raises Refusal when it is rejected, Unavailable when nobody knows."""
    try:
        answer = await decider.submit(command)
    except Unavailable:
        answer = await _found(decider, command)
    if isinstance(answer, Rejected):
        raise refusal(answer)
    return answer


async def state_of(decider: DeciderPort, workflow_id: str) -> WorkflowState:
    """Raises Refusal NOT_FOUND for an id that never existed, cannot exist, or was removed.

    The id of a child or of a failure workflow is shown as soon as it is minted, a moment before
    that workflow starts: the read of an id so young waits for it a little.
    """
    if not ids.is_workflow_id(workflow_id):
        raise no_such_workflow(workflow_id)
    state = await decider.read(workflow_id)
    until_ms = ids.born_ms(workflow_id) + START_WITHIN_MS
    while state is None and SystemClock().now_ms() < until_ms:
        await asyncio.sleep(START_PAUSE_S)
        state = await decider.read(workflow_id)
    if state is None or state.removed_ms:
        raise no_such_workflow(workflow_id)
    return state


def known_form(workflow_id: str) -> str:
    """The id itself; an id that cannot exist is refused without asking anybody."""
    if not ids.is_workflow_id(workflow_id):
        raise no_such_workflow(workflow_id)
    return workflow_id


def no_such_workflow(workflow_id: str) -> Refusal:
    return Refusal("NOT_FOUND", no_workflow(workflow_id))


async def _found(decider: DeciderPort, command: Command) -> Accepted:
    """What became of a command that was not answered. Raises Unavailable when it left no trace."""
    state = await decider.read(command.workflow_id)
    if state is not None:
        version = state.recent.version(command.command_id)
        if version is not None:
            return Accepted(workflow_id=command.workflow_id, version=version)
    raise Unavailable("The command was not carried out in time")
