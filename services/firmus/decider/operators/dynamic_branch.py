"""A branch of a dynamic fork: planned like any task, but its definition travels in the event."""

from typing import Any

import msgspec

from firmus.decider.operators.registry import OPERATORS
from firmus.decider.plan import Plan
from firmus.workflow.expressions import compile_template, task_input
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan_dynamic(
    planned: Plan,
    task: WorkflowTask,
    *,
    raw: msgspec.Raw,
    fork: int,
    template: dict[str, Any],
    task_def: TaskDef | None,
) -> None:
    """Plans the row of a dynamic fork's branch: its definition travels in the event."""
    dynamic = DynamicPlan(planned, raw=raw, fork=fork, template=template, task_def=task_def)
    operator = OPERATORS.get(task.type, OPERATORS["SIMPLE"])
    operator.plan(dynamic, task)
    planned.rows.extend(dynamic.rows)
    planned.refs |= dynamic.refs
    planned.failures.extend(dynamic.failures)
    planned.next_ordinal, planned.next_seq = dynamic.next_ordinal, dynamic.next_seq


class DynamicPlan(Plan):
    """A plan of rows whose first task is not in the definition but in a fork's input."""

    __slots__ = ("fork", "raw", "task_def", "template")

    def __init__(
        self,
        outer: Plan,
        *,
        raw: msgspec.Raw,
        fork: int,
        template: dict[str, Any],
        task_def: TaskDef | None,
    ) -> None:
        super().__init__(outer.turn, suffix=outer.suffix, iteration=outer.iteration)
        self.next_ordinal, self.next_seq = outer.next_ordinal, outer.next_seq
        self.raw, self.fork, self.template, self.task_def = raw, fork, template, task_def

    def input_of(
        self,
        task: WorkflowTask,  # noqa: ARG002 - the fork's template has the task's own in it
        *,
        with_template: bool,
    ) -> dict[str, Any]:
        defaults = self.task_def.input_template if with_template and self.task_def else None
        return task_input(compile_template(self.template), defaults, self.scope())

    def add(self, task: WorkflowTask, *, task_type: str, status: TaskStatus, **fields: Any) -> int:
        return super().add(
            task,
            task_type=task_type,
            status=status,
            **{
                **fields,
                "task_def": self.task_def,
                "workflow_task": self.raw,
                "forked_by": self.fork,
            },
        )
