"""From decisions to a commit, and from there to answers; refusals as they are kept."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random, SystemRandom

import msgspec

from firmus.broker.rejections import Rejection
from firmus.decider.context import Decision
from firmus.ports import DefinitionsPort
from firmus.workflow.dynamic import definition_of
from firmus.workflow.external import TASK_SHOWN_MAX_BYTES, shown_task
from firmus.workflow.kinship import kin_of
from firmus.workflow.rest_view import task_view
from firmus.workflow.secrets import bind, granted
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts.envelope import Cause, Commit

_encode = msgspec.json.encode
_EXISTING = _encode(cmd.StartOutcome(existing=True))
_IDS = Random(SystemRandom().getrandbits(256))  # noqa: S311 - unique, not secret: no system call each


class Decided(msgspec.Struct):
    """A command decided but not committed yet."""

    command: cmd.Command
    future: asyncio.Future[cmd.Answer]
    decision: Decision


def commit_of(
    decided: Sequence[Decided],
    state: WorkflowState | None,
    *,
    previous: str,
    now_ms: int,
    trace: str | None = None,
) -> Commit:
    """One commit of all events of several decisions; `state` is the one before the first.

    `trace` stands in for the sender's, in the first commit of a workflow.
    """
    first = decided[0].command
    return Commit(
        commit_id=f"{_IDS.getrandbits(64):016x}",
        workflow_id=first.workflow_id,
        first_version=state.version + 1 if state else 1,
        time_ms=now_ms,
        events=tuple(event for one in decided for event in one.decision.events),
        causes=tuple(
            Cause(
                command_id=one.command.command_id,
                kind=cmd.kind_of(one.command),
                actor=one.command.actor,
                events=len(one.decision.events),
            )
            for one in decided
            if one.decision.events
        ),
        previous=previous,
        trace=first.trace or trace or (state.trace if state else None),
    )


def continuation_of(state: WorkflowState) -> cmd.Continue:
    """Goes on with a split decision; the scheduler asks too, under the same command id."""
    return cmd.Continue(
        command_id=f"{state.workflow_id}/{state.version}/continue",
        workflow_id=state.workflow_id,
        actor="decider",
    )


def end_of_too_large(state: WorkflowState, problem: str) -> cmd.TerminateWorkflow:
    """A workflow whose next step cannot be stored would stand still for ever: it is ended."""
    return cmd.TerminateWorkflow(
        command_id=f"{state.workflow_id}/{state.version}/too-large",
        workflow_id=state.workflow_id,
        actor="decider",
        reason=f"The next step of this workflow is too large to be stored: {problem}",
    )


def rejection_of(command: cmd.Command, code: str, message: str, now_ms: int) -> Rejection:
    """What is kept of a command that was refused or came too late."""
    return Rejection(
        command_id=command.command_id,
        kind=cmd.kind_of(command),
        code=code,
        message=message,
        time_ms=now_ms,
        actor=command.actor,
    )


class Answering:
    """Writes the answers of accepted commands; secrets are bound in the copy of a task that goes
    to its worker, and nowhere else.
    """

    def __init__(
        self,
        definitions: DefinitionsPort,
        secrets: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> None:
        self._definitions = definitions
        self._secrets = secrets
        self._environment = environment

    async def accepted(self, state: WorkflowState, one: Decided, now_ms: int) -> cmd.Accepted:
        decision, result = one.decision, b"null"
        if decision.updated is not None:
            result = _encode(decision.updated)
        elif decision.begun is not None:
            # As it was begun: a later command of the same commit may have taken the row away.
            result = await self._task(decision.state, decision.begun, now_ms)
        elif decision.existing:
            result = _EXISTING
        elif decision.again:
            result = _encode(kin_of(decision.state, decision.events))
        return cmd.Accepted(
            workflow_id=one.command.workflow_id,
            version=state.version,
            result=msgspec.Raw(result),
        )

    async def _task(self, state: WorkflowState, ordinal: int, now_ms: int) -> bytes:
        blueprint = await self._definitions.pinned(state.definition_hash)
        row = state.tasks[ordinal]
        task = task_view(state, row, blueprint, now_ms=now_ms, revealed=True)
        names = granted(state, row, blueprint)
        if names:
            bound = bind(row.input, names, self._secrets)
            task = msgspec.structs.replace(task, input_data=bound)
        task_def = definition_of(state, row, blueprint)[1]
        if task_def is not None and task_def.runtime_metadata:
            told = self._told(task_def.runtime_metadata)
            task = msgspec.structs.replace(task, runtime_metadata=told)
        written = _encode(task)
        # A path would lead to masked values.
        if len(written) <= TASK_SHOWN_MAX_BYTES or blueprint.masked:
            return written
        return _encode(shown_task(task))

    def _told(self, names: list[str]) -> dict[str, str]:
        """`runtimeMetadata` (spec 2.7): secrets, else environment values; unknown names are left
        out.
        """
        known = {**self._environment, **self._secrets}
        return {name: known[name] for name in names if name in known}
