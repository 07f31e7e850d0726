"""One message to its end: conditions asked, actions done, a record of each (spec 6.3, 6.4)."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from firmus.handlers.actions import (
    Message,
    TaskTarget,
    VariablesTarget,
    expanded,
    run_id,
    wanted,
)
from firmus.ports import DeciderPort, ScriptsPort, StartsPort, Unavailable
from firmus.workflow.expressions import truthy
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts import ids
from firmus_contracts.commands import (
    Answer,
    Command,
    Rejected,
    StartWorkflow,
    TerminateWorkflow,
    UpdateState,
    UpdateTask,
)
from firmus_contracts.errors import ERRORS
from firmus_contracts.event_handlers import EventExecution, EventHandler
from firmus_contracts.statuses import ResultStatus

log = structlog.get_logger(__name__)

_SCRIPTS = {"javascript": "javascript", "graaljs": "graaljs"}


class Handling:
    """What handlers do, through the ports of the system."""

    def __init__(self, decider: DeciderPort, starts: StartsPort, scripts: ScriptsPort) -> None:
        self._decider = decider
        self._starts = starts
        self._scripts = scripts

    async def handle(self, handler: EventHandler, message: Message) -> list[EventExecution]:
        """What became of each action. Raises Unavailable for what may pass: then all of it may be
        done again, and what was done already is not done twice. Whatever else goes wrong is the end
        of this message for this handler, and of nothing more.
        """
        try:
            holds, problem = await self._holds(handler, message)
        except Unavailable:
            raise
        except Exception as fault:
            log.exception("a condition failed", handler=handler.name)
            holds, problem = False, repr(fault)
        if problem is not None:
            return [_record(handler, message, 0, "FAILED", {"exception": problem})]
        if not holds:
            output = {"msg": message.payload, "condition": handler.condition}
            return [_record(handler, message, 0, "SKIPPED", output)]
        return [await self._act(handler, message, place) for place in range(len(handler.actions))]

    async def _holds(self, handler: EventHandler, message: Message) -> tuple[bool, str | None]:
        condition = (handler.condition or "").strip()
        if not condition:
            return True, None
        scope = expanded(message.payload)
        if handler.evaluator_type == "value-param":
            value = scope.get(condition) if isinstance(scope, dict) else None
            return truthy(value), None
        evaluator = _SCRIPTS.get(handler.evaluator_type or "", "javascript")
        result = await self._scripts.run(evaluator, condition, _as_scope(scope))
        if result.error is not None:
            return False, f"condition: {result.error}"
        return truthy(result.value), None

    async def _act(self, handler: EventHandler, message: Message, place: int) -> EventExecution:
        try:
            target = wanted(handler, message, place)
            output = await self._do(target, run_id(handler, message, place), handler.name)
        except ValueError as problem:
            return _record(handler, message, place, "FAILED", {"exception": str(problem)})
        except Unavailable:
            raise
        except Exception as fault:
            log.exception("an action failed", handler=handler.name, place=place)
            return _record(handler, message, place, "FAILED", {"exception": repr(fault)})
        return _record(handler, message, place, "COMPLETED", output)

    async def _do(
        self,
        target: StartWorkflow | TerminateWorkflow | TaskTarget | VariablesTarget,
        command_id: str,
        name: str,
    ) -> dict[str, Any]:
        match target:
            case StartWorkflow():
                answer = await self._starts.start(target)
                if isinstance(answer, Rejected):
                    _passing(answer)
                    return {"error": answer.message}
                return {"workflowId": answer.workflow_id}
            case TerminateWorkflow():
                return await self._submit(target)
            case VariablesTarget():
                return await self._change(target, command_id, name)
            case TaskTarget():
                return await self._end(target, command_id, name)

    async def _change(self, target: VariablesTarget, command_id: str, name: str) -> dict[str, Any]:
        variables: Mapping[str, Any] = target.variables
        if target.append:
            state = present(await self._decider.read(target.workflow_id))
            had = {} if state is None else state.variables
            variables = {key: _appended(had.get(key), new) for key, new in variables.items()}
        return await self._submit(
            UpdateState(
                command_id=command_id,
                workflow_id=target.workflow_id,
                actor=f"handler:{name}",
                variables=dict(variables),
            )
        )

    async def _end(self, target: TaskTarget, command_id: str, name: str) -> dict[str, Any]:
        """A task that is not there is told of, and is no failure (spec 6.4)."""
        found = await self._task(target)
        if isinstance(found, str):
            return {"error": found}
        state, row = found
        return await self._submit(
            UpdateTask(
                command_id=command_id,
                workflow_id=state.workflow_id,
                actor=f"handler:{name}",
                task_id=state.task_id(row.ordinal),
                status=ResultStatus.FAILED if target.failed else ResultStatus.COMPLETED,
                output={**row.output, **target.output},
                reason=target.reason,
            )
        )

    async def _task(self, target: TaskTarget) -> tuple[WorkflowState, TaskState] | str:
        workflow_id = target.workflow_id or ""
        if target.task_id is not None:
            if not ids.is_task_id(target.task_id):
                return f"No task found with id: {target.task_id}"
            workflow_id = ids.workflow_of(target.task_id)
        if not ids.is_workflow_id(workflow_id):
            return f"No workflow found with id: {workflow_id}"
        state = present(await self._decider.read(workflow_id))
        if state is None:
            return f"No workflow found with id: {workflow_id}"
        if target.task_id is not None:
            row = state.tasks.get(ids.ordinal_of(target.task_id))
        else:
            ref = target.ref or ""
            row = state.task(ref) or state.tasks.get(state.looped.get(ref, 0))
        if row is None:
            return f"No task found with reference name: {target.ref}, workflowId: {workflow_id}"
        return state, row

    async def _submit(self, command: Command) -> dict[str, Any]:
        answer = await self._decider.submit(command)
        if isinstance(answer, Rejected):
            _passing(answer)
            return {"error": answer.message}
        return {"workflowId": command.workflow_id}


def _passing(answer: Answer) -> None:
    """Raises Unavailable for a refusal that may pass."""
    if isinstance(answer, Rejected) and ERRORS.get(answer.code, ERRORS["INTERNAL"]).retryable:
        raise Unavailable(answer.message)


def _appended(had: Any, new: Any) -> Any:
    """Lists grow; anything else is replaced."""
    if not isinstance(had, list):
        return new
    return [*had, *new] if isinstance(new, list) else [*had, new]


def _as_scope(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _record(
    handler: EventHandler, message: Message, place: int, status: Any, output: dict[str, Any]
) -> EventExecution:
    action = handler.actions[place].action if status != "SKIPPED" else None
    return msgspec.structs.replace(
        EventExecution(
            id=f"{message.message_id}_{place}",
            message_id=message.message_id,
            name=handler.name,
            event=message.event,
            status=status,
        ),
        created=message.stored_ms,
        action=action,
        output=output,
    )
