"""Plays all that stands around a decider: workers, timers, people and the starters of children.

The decider is the real one, over a log in memory; definitions go through the real checks.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from firmus.broker.rejections import MemoryRejections
from firmus.clock import FixedClock
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.decider.service import Decider
from firmus.definitions.checks import workflow_errors
from firmus.definitions.memory import MemoryDefinitions
from firmus.definitions.syntax import javascript_error
from firmus.definitions.task_checks import Outside
from firmus.eventlog.memory import MemoryLog
from firmus.workflow.expressions import compile_path
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.statuses import ResultStatus

START_MS = 1_700_000_000_000
STEPS_MAX = 200

Say = tuple[str, dict[str, Any], str | None]
Worker = Callable[[TaskState], Say]
"""What becomes of an open task: a status, an output and a reason."""


def compiles(path: str) -> bool:
    try:
        compile_path(path)
    except ValueError:
        return False
    return True


class Driver:
    def __init__(self) -> None:
        self.clock = FixedClock(START_MS)
        self.definitions = MemoryDefinitions(self.clock)
        self._javascript, self._jq = QuickJsScripts(threads=1), JqScripts(processes=1)
        self._decider = Decider(
            log=MemoryLog(),
            definitions=self.definitions,
            scripts=Evaluators(self._javascript, self._jq),
            clock=self.clock,
            rejections=MemoryRejections(),
        )
        self._count = 0

    async def close(self) -> None:
        self._javascript.close()
        await self._jq.close()

    async def register(self, definition: WorkflowDef) -> None:
        known = {task.name: task for task in await self.definitions.tasks()}
        outside = Outside(script_error=javascript_error, compiles=compiles, task_def=known.get)
        assert workflow_errors(definition, outside) == ()
        await self.definitions.put_workflow(definition, overwrite=True)

    async def register_task(self, name: str, **fields: Any) -> None:
        await self.definitions.put_task(msgspec.convert({"name": name, **fields}, TaskDef))

    async def run(self, name: str, given: dict[str, Any], worker: Worker) -> WorkflowState:
        """Runs a workflow and its children to their ends; fails when nothing can move it."""
        return await self._to_the_end(await self._start(name, given), worker)

    async def _start(self, name: str, given: dict[str, Any], **fields: Any) -> str:
        self._count += 1
        workflow_id = fields.pop("workflow_id", ids.mint_workflow_id(START_MS, self._count))
        await self._send(
            cmd.StartWorkflow, workflow_id=workflow_id, name=name, input=given, **fields
        )
        return workflow_id

    async def _to_the_end(self, workflow_id: str, worker: Worker) -> WorkflowState:
        for _ in range(STEPS_MAX):
            state = await self._decider.read(workflow_id)
            assert state is not None
            if state.status.terminal:
                return state
            row = next((row for row in state.rows() if _waits(row)), None)
            assert row is not None, f"nothing can move {[row.ref for row in state.rows()]}"
            if row.made.task_type == "SUB_WORKFLOW":
                await self._child(state, row, worker)
            else:
                await self._work(state, row, worker)
        raise AssertionError(f"{workflow_id} comes to no end")

    async def _work(self, state: WorkflowState, row: TaskState, worker: Worker) -> None:
        """Hands a task out when it is due, and reports what the worker says."""
        where = {"workflow_id": state.workflow_id, "task_id": state.task_id(row.ordinal)}
        if row.made.queued:
            self.clock.advance(max(0, row.due_ms - self.clock.now_ms()))
            await self._send(cmd.BeginTask, **where)
        status, output, reason = worker(row)
        result = ResultStatus(status)
        await self._send(cmd.UpdateTask, **where, status=result, output=output, reason=reason)

    async def _child(self, state: WorkflowState, row: TaskState, worker: Worker) -> None:
        where = {"workflow_id": state.workflow_id, "task_id": state.task_id(row.ordinal)}
        child_id = row.child_id or ""
        await self._start(
            row.input["subWorkflowName"],
            row.input["workflowInput"],
            version=row.input["subWorkflowVersion"],
            workflow_id=child_id,
            parent_workflow_id=state.workflow_id,
            parent_task_id=state.task_id(row.ordinal),
        )
        await self._send(cmd.ReportChildStarted, **where, child_id=child_id)
        ended = await self._to_the_end(child_id, worker)
        await self._send(
            cmd.ReportChildEnded,
            **where,
            child_id=child_id,
            status=ended.status,
            output=ended.output,
            reason=ended.reason,
        )

    async def _send(self, kind: Any, **fields: Any) -> None:
        self._count += 1
        answer = await self._decider.submit(kind(command_id=f"c{self._count}", **fields))
        assert isinstance(answer, cmd.Accepted), answer


def _waits(row: TaskState) -> bool:
    """Whether the outside has to move a row: operators that the decider moves are none of that."""
    if row.status.terminal:
        return False
    return row.made.queued or row.made.task_type in {"WAIT", "HUMAN", "SUB_WORKFLOW"}
