"""The one way to start a workflow, with or without an idempotency key (spec 4.13).

Whoever starts workflows (REST, start events, tasks, schedules, event handlers, the client library)
does it through here. Of all starts under one key at most one starts the workflow, whoever dies in
between and however often it is repeated: the key leads to an id before the start is sent, and the
decider starts an id once and says whether it was this very command that started it. The key of a
workflow that was removed is free again.
"""

import msgspec

from firmus.broker.keys import KeyLedger, KeyStore, Strategy, Verdict, decide
from firmus.ports import DeciderPort, Started, Unavailable
from firmus_contracts.commands import NO_RESULT, Rejected, StartOutcome, StartWorkflow

TRIES_MAX = 100
_OUTCOME = msgspec.json.Decoder(StartOutcome)


class Starts:
    """Implements `ports.StartsPort`. Without `keys` a start with a key is refused, not let by."""

    def __init__(self, decider: DeciderPort, keys: KeyStore | None) -> None:
        self._decider = decider
        self._keys = None if keys is None else KeyLedger(keys)

    async def start(
        self, command: StartWorkflow, strategy: str | None = None
    ) -> Started | Rejected:
        """See StartsPort.start."""
        key = command.idempotency_key
        if not key:
            return await self._submit(command)
        if self._keys is None:
            return Rejected(code="NOT_IMPLEMENTED", message="No idempotency keys are kept here")
        chosen = Strategy(strategy or Strategy.FAIL)
        name = command.name
        for _ in range(TRIES_MAX):
            held = await self._keys.claim(name, key, command.workflow_id)
            if held != command.workflow_id:
                verdict = await self._verdict(command, chosen, held)
                if isinstance(verdict, Started | Rejected):
                    return verdict
                if verdict is Verdict.REPLACE:
                    fresh = command.workflow_id
                    if not await self._keys.replace(name, key, held=held, workflow_id=fresh):
                        continue
                    held = fresh
            return await self._start_claimed(command, chosen, held)
        raise Unavailable(f"idempotency key {key}: others came first {TRIES_MAX} times")

    async def _verdict(
        self, command: StartWorkflow, strategy: Strategy, held: str
    ) -> Started | Rejected | Verdict:
        """What becomes of a start whose key leads to another workflow."""
        state = await self._decider.read(held)
        if state is not None and state.started_by == command.command_id:
            return Started(held)  # an earlier delivery of this start made up for a lost one
        if state is not None and state.removed_ms:
            return Verdict.REPLACE
        verdict = decide(strategy, None if state is None else not state.status.terminal)
        if verdict is Verdict.RETURN:
            return Started(held, existing=True)
        return _conflict(command, held) if verdict is Verdict.REFUSE else verdict

    async def _start_claimed(
        self, command: StartWorkflow, strategy: Strategy, held: str
    ) -> Started | Rejected:
        """Starts the id that the key leads to. Who finds it started by somebody else came second,
        at a time when that workflow ran.
        """
        answer = await self._submit(msgspec.structs.replace(command, workflow_id=held))
        came_second = isinstance(answer, Started) and answer.existing
        if came_second and strategy is not Strategy.RETURN_EXISTING:
            return _conflict(command, held)
        return answer

    async def _submit(self, command: StartWorkflow) -> Started | Rejected:
        try:
            answer = await self._decider.submit(command)
        except Unavailable:
            state = await self._decider.read(command.workflow_id)
            if state is None:
                raise
            existing = state.started_by != command.command_id
            return Started(command.workflow_id, existing=existing)
        if isinstance(answer, Rejected):
            return answer
        told = answer.result != NO_RESULT
        existing = told and _OUTCOME.decode(answer.result).existing
        return Started(answer.workflow_id, existing=existing)


def _conflict(command: StartWorkflow, held: str) -> Rejected:
    key, name = command.idempotency_key, command.name
    message = f"Idempotency key {key} of {name} belongs to workflow {held}"
    return Rejected(code="CONFLICT", message=message)
