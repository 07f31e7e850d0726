"""Plays definitions to their ends, as `firmus.testing` does, with one answer for every task.

Definitions go through the real checks; scripts, timers and sub-workflows are played for real.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from firmus.decider.context import Limits
from firmus.rehearsal.agenda import Reply
from firmus.rehearsal.world import Bounds
from firmus.testing.play import Play
from firmus.testing.registry import Registry
from firmus.testing.run import Run
from firmus.testing.scripting import ScriptThread
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.statuses import ResultStatus

START_MS = 1_700_000_000_000
CHILDREN = {"SUB_WORKFLOW", "START_WORKFLOW"}

Say = tuple[str, dict[str, Any], str | None]
Worker = Callable[[TaskState], Say]
"""What becomes of an open task: a status, an output and a reason."""


class _Answered(Play):
    """A play in which one worker has a word for every task but those that stand for workflows."""

    def __init__(self, registry: Registry, scripts: ScriptThread, worker: Worker) -> None:
        super().__init__(
            registry,
            scripts,
            {},
            now_ms=START_MS,
            environment={},
            secrets={},
            limits=Limits(),
            bounds=Bounds(decisions_max=1_000),
            wall_s=20.0,
        )
        self._worker = worker

    def _answer(self, state: WorkflowState, row: TaskState) -> Reply | None:
        if row.made.task_type in CHILDREN:
            return None
        status, output, reason = self._worker(row)
        return Reply(status=ResultStatus(status), output=output, reason=reason)


class Driver:
    def __init__(self) -> None:
        self._registry = Registry()
        self._scripts = ScriptThread()
        self._count = 0

    async def close(self) -> None:
        self._scripts.close()

    async def register(self, definition: WorkflowDef) -> None:
        self._registry.register(definition)

    async def register_task(self, name: str, **fields: Any) -> None:
        self._registry.register_task({"name": name, **fields})

    async def run(self, name: str, given: dict[str, Any], worker: Worker) -> WorkflowState:
        """Runs a workflow and its children to their ends; fails when nothing can move it."""
        self._count += 1
        play = _Answered(self._registry, self._scripts, worker)
        workflow_id = ids.mint_workflow_id(START_MS, self._count)
        start = cmd.StartWorkflow(
            command_id="start", workflow_id=workflow_id, name=name, input=given
        )
        outcome = play.do(play.world.send(start))
        assert not isinstance(outcome, cmd.Rejected), msgspec.to_builtins(outcome)
        return Run(play, workflow_id).finish().state
