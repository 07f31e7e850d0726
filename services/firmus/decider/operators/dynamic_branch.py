"""A branch of a dynamic fork: planned like any task, but its definition travels in the event."""

from typing import Any

import msgspec

from firmus.decider.operators.registry import OPERATORS
from firmus.decider.plan import Plan
from firmus.workflow.document import Document
from firmus.workflow.expressions import compile_template, resolve, task_input
from firmus.workflow.secrets import named_by
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan_dynamic(
    planned: Plan,
    task: WorkflowTask,
    *,
    raw: msgspec.Raw,
    fork: int,
    fork_ref: str,
    template: dict[str, Any],
    task_def: TaskDef | None,
) -> str:
    """Plans the rows of a branch: one, or with a SWITCH the chosen case's first. `fork` and
    `fork_ref` are the ordinal of its fork's row and the reference of that in the definition.

    Returns the reference of the last one, without the suffix of a loop's pass.
    """
    dynamic = DynamicPlan(
        planned,
        task,
        raw=raw,
        fork=fork,
        fork_ref=fork_ref,
        template=template,
        task_def=task_def,
    )
    operator = OPERATORS.get(task.type, OPERATORS["SIMPLE"])
    operator.plan(dynamic, task)
    planned.rows.extend(dynamic.rows)
    planned.refs |= dynamic.refs
    planned.failures.extend(dynamic.failures)
    planned.next_ordinal, planned.next_seq = dynamic.next_ordinal, dynamic.next_seq
    return dynamic.last


class DynamicPlan(Plan):
    """A plan of rows whose first task is not in the definition but in a fork's input."""

    __slots__ = ("branch", "fork", "fork_ref", "last", "raw", "task_def", "template")

    def __init__(
        self,
        outer: Plan,
        branch: WorkflowTask,
        *,
        raw: msgspec.Raw,
        fork: int,
        fork_ref: str,
        template: dict[str, Any],
        task_def: TaskDef | None,
    ) -> None:
        super().__init__(
            outer.turn, suffix=outer.suffix, iteration=outer.iteration, within=outer.within
        )
        self.next_ordinal, self.next_seq = outer.next_ordinal, outer.next_seq
        self.branch, self.raw, self.fork, self.fork_ref = branch, raw, fork, fork_ref
        self.template, self.task_def = template, task_def
        self.last = branch.task_reference_name or ""

    def input_of(self, task: WorkflowTask, *, with_template: bool) -> dict[str, Any]:
        task_def = self._task_def(task)
        template = self.template if task is self.branch else task.input_parameters
        defaults = task_def.input_template if with_template and task_def else None
        return task_input(compile_template(template), defaults, self.scope())

    def resolved(self, key: str, value: Any, scope: Document) -> Any:  # noqa: ARG002 - nothing is kept
        """Never kept: another execution's branch of the same reference may say something else."""
        return resolve(compile_template(value), scope)

    def _secrets_named(self, task: WorkflowTask) -> frozenset[str]:  # noqa: ARG002 - it names none
        """A branch comes as data: it has what its fork has."""
        return named_by(self.turn.context.blueprint, self.fork_ref)

    def _task_def(self, task: WorkflowTask) -> TaskDef | None:
        return self.task_def if task is self.branch else task.task_definition

    def add(self, task: WorkflowTask, *, task_type: str, status: TaskStatus, **fields: Any) -> int:
        raw = self.raw if task is self.branch else msgspec.Raw(msgspec.json.encode(task))
        self.last = task.task_reference_name or ""
        return super().add(
            task,
            task_type=task_type,
            status=status,
            **{
                **fields,
                "task_def": self._task_def(task),
                "workflow_task": raw,
                "forked_by": self.fork,
            },
        )
