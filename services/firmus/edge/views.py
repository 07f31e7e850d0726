"""Executions as answers show them: committed state, joined with the snapshot that it runs.

What is too large to be shown stands there as a path (spec 1.10).
"""

from firmus.ports import Clock, DefinitionsPort
from firmus.workflow.external import shown_task, shown_workflow
from firmus.workflow.masking import NOTHING
from firmus.workflow.rest_view import status_view, task_view, workflow_view
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.executions import Task, Workflow, WorkflowStatusView


class Views:
    def __init__(self, definitions: DefinitionsPort, clock: Clock) -> None:
        self._definitions = definitions
        self._clock = clock

    async def workflow(self, state: WorkflowState, *, include_tasks: bool) -> Workflow:
        blueprint = await self._definitions.pinned(state.definition_hash)
        now_ms = self._clock.now_ms()
        view = workflow_view(state, blueprint, now_ms=now_ms, include_tasks=include_tasks)
        return shown_workflow(view)

    async def tasks(self, state: WorkflowState, rows: list[TaskState]) -> list[Task]:
        blueprint = await self._definitions.pinned(state.definition_hash)
        now_ms = self._clock.now_ms()
        return [shown_task(task_view(state, row, blueprint, now_ms=now_ms)) for row in rows]

    async def task(self, state: WorkflowState, row: TaskState) -> Task:
        return (await self.tasks(state, [row]))[0]

    async def status(
        self, state: WorkflowState, *, include_output: bool, include_variables: bool
    ) -> WorkflowStatusView:
        names = NOTHING
        if include_output or include_variables:
            names = (await self._definitions.pinned(state.definition_hash)).masked
        return status_view(
            state,
            include_output=include_output,
            include_variables=include_variables,
            names=names,
        )
