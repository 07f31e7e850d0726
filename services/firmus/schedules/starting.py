"""One run of a schedule as the start of a workflow. Making it twice is harmless: workflow and
command ids follow from schedule and instant, and a second start of an id is a repetition.
"""

from typing import Any

import msgspec

from firmus.ports import PayloadsPort, StartsPort, Unavailable
from firmus.schedules.runs import REASON_MAX, Outcome, Run, RunsClaimed
from firmus.workflow.external import place_of
from firmus_contracts.bodies import checked_start_request, decode_object
from firmus_contracts.commands import Rejected
from firmus_contracts.errors import ERRORS, Refusal
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.starts import start_command


class Starter:
    """`payloads`: what a path in a start request leads to."""

    def __init__(self, starts: StartsPort, payloads: PayloadsPort | None = None) -> None:
        self._starts = starts
        self._payloads = payloads

    async def start(self, claimed: RunsClaimed, run: Run) -> Outcome:
        """Raises Unavailable, after which the same call is safe."""
        try:
            request = checked_start_request(_request(claimed))
            command = start_command(
                request,
                command_id=f"schedule:{run.execution_id}",
                workflow_id=run.workflow_id,
                actor=f"schedule:{claimed.originator_id}",
                input=await self._input(request) | facts(claimed, run),
                external_input_path=None,  # what it led to is the input
            )
            answer = await self._starts.start(command, request.idempotency_strategy)
        except Refusal as refused:
            return failed(run, told(refused))
        if isinstance(answer, Rejected):
            if ERRORS.get(answer.code, ERRORS["INTERNAL"]).retryable:
                raise Unavailable(answer.message)
            return failed(run, answer.message)
        return Outcome(
            execution_id=run.execution_id, state="EXECUTED", workflow_id=answer.workflow_id
        )

    async def _input(self, request: StartWorkflowRequest) -> dict[str, Any]:
        """The input as given, else what was uploaded under the path (spec 1.10)."""
        path = request.external_input_payload_storage_path
        if not path:
            return request.input or {}
        nothing = Refusal(
            "INVALID", f"externalInputPayloadStoragePath: nothing is stored at {path}"
        )
        place = place_of(path)
        if place is None or self._payloads is None:
            raise nothing
        try:
            return decode_object(await self._payloads.get(place.path))
        except KeyError:
            raise nothing from None


def failed(run: Run, reason: str) -> Outcome:
    return Outcome(execution_id=run.execution_id, state="FAILED", reason=reason[:REASON_MAX])


def facts(claimed: RunsClaimed, run: Run) -> dict[str, Any]:
    """What the input of a run says about it; these win over the schedule's own (spec 8.8)."""
    return {
        "_startedByScheduler": claimed.originator_id,
        "_scheduledTime": run.scheduled_ms,
        "_executedTime": claimed.time_ms,
        "_executionId": run.execution_id,
        "_schedulerCron": f"{run.cron} {run.zone_id}",
    }


def told(refused: Refusal) -> str:
    """A refusal in one line, its single faults included."""
    faults = "; ".join(f"{each.path}: {each.message}" for each in refused.errors or ())
    return f"{refused.message} {faults}".strip()


def _request(claimed: RunsClaimed) -> StartWorkflowRequest:
    return msgspec.json.decode(claimed.request, type=StartWorkflowRequest)
