"""A family whose workers do well but once, and what came of it, told without ids and times."""

import re
from random import Random
from typing import Any

from firmus.scheduler.rows import Row
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.statuses import ResultStatus
from tests.flow import WORKFLOW
from tests.properties.definitions import Tasks
from tests.properties.revived import Revived

STEPS_MAX = 600
IDS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9T:.-]{20,}Z"  # and times
)


class Played(Revived):
    """A family whose steps follow each other in order. Workers do well, but what `end` says happens
    to the first task that is named `b`, if it is to.
    """

    def __init__(self, tasks: Tasks, end: str) -> None:
        self.end = end
        super().__init__(tasks, Random(1), events_max=500)

    @property
    def top(self) -> WorkflowState:
        state = self.flows[WORKFLOW].state
        assert state is not None
        return state

    def play(self) -> None:
        """Until nothing moves."""
        for _ in range(STEPS_MAX):
            moves = self.moves()
            if not moves:
                return
            moves[0]()
        raise AssertionError("it comes to no end")

    def stop_after(self, steps: int) -> None:
        """Somebody terminates the workflow after so many steps, unless it has ended."""
        for _ in range(steps):
            moves = self.moves()
            if not moves:
                return
            moves[0]()
        self.send(cmd.TerminateWorkflow(command_id="stop", workflow_id=WORKFLOW, reason="no"))

    def _work(self, row: Row) -> None:
        base = {"workflow_id": row.workflow_id, "task_id": row.task_id, "command_id": self._name()}
        if not row.in_progress:
            self.send(cmd.BeginTask(**base, worker_id="w"))
        elif row.task_type == "b" and self.end != "COMPLETED":
            end, self.end = self.end, "COMPLETED"
            self._happens(end, base)
        else:
            output = {"by": row.task_type}
            self.send(cmd.UpdateTask(**base, status=ResultStatus.COMPLETED, output=output))

    def _happens(self, end: str, base: dict[str, str]) -> None:
        if end == "TERMINATED":
            self.send(cmd.TerminateWorkflow(command_id="stop", workflow_id=WORKFLOW, reason="no"))
        elif end == "TIMED_OUT":
            self.clock.advance(10_000)
            self.send(cmd.FireTimer(**base))
        else:
            self.send(cmd.UpdateTask(**base, status=ResultStatus.FAILED, reason="broke"))

    def ref_of(self, path: tuple[str, ...]) -> str:
        """The reference of the task of the top workflow that a path begins with."""
        return self.top.tasks[ids.ordinal_of(path[0])].ref

    def again(self, kind: Any, **fields: Any) -> str | None:
        """Has the top workflow run again; the code of the refusal, if it is refused."""
        self.send(kind(command_id=self._name(), workflow_id=WORKFLOW, **fields))
        refused = self.flows[WORKFLOW].rejected
        return None if refused is None else refused.code


def story(family: Played, state: WorkflowState) -> Any:
    """What came of a workflow, whatever the ids: its newest rows with what they put out, children
    told as stories.
    """
    rows = [row for row in state.rows() if not row.retried]
    told = []
    for row in rows:
        child = family.flows.get(row.child_id or "")
        inner = story(family, child.state) if child is not None and child.state else None
        output = {key: value for key, value in row.output.items() if key != "subWorkflowId"}
        told.append((row.ref, row.status.value, IDS.sub("id", str(_nameless(output))), inner))
    return state.status.value, sorted(told, key=lambda one: one[0])


def _nameless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _nameless(v) for k, v in sorted(value.items()) if k != "subWorkflowId"}
    return [_nameless(v) for v in value] if isinstance(value, list) else value
