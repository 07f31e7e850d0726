"""Event handlers, their actions, and the record of each run (spec 1.9, 6)."""

from typing import Any, Literal

import msgspec

from firmus_contracts.shape import Int, Long, Model, always, value

ActionType = Literal[
    "start_workflow",
    "complete_task",
    "fail_task",
    "terminate_workflow",
    "update_workflow_variables",
    "start_agent",
]
EventExecutionStatus = Literal["IN_PROGRESS", "COMPLETED", "FAILED", "SKIPPED"]


class StartWorkflowAction(Model):
    name: str | None = None
    version: Int | None = None
    correlation_id: str | None = None
    input: dict[str, Any] = always(dict)
    task_to_domain: dict[str, str] | None = None


class TaskAction(Model):
    """Which task to complete or fail: `task_id`, else `workflow_id` with `task_ref_name`."""

    workflow_id: str | None = None
    task_ref_name: str | None = None
    task_id: str | None = None
    output: dict[str, Any] = always(dict)
    reason_for_incompletion: str | None = None


class TerminateWorkflowAction(Model):
    workflow_id: str | None = None
    termination_reason: str | None = None


class UpdateVariablesAction(Model):
    workflow_id: str | None = None
    variables: dict[str, Any] | None = None
    append_array: bool | None = None


class StartAgentAction(Model):
    name: str | None = None
    version: Int | None = None
    prompt: str | None = None
    session_id: str | None = None
    media: list[str] | None = None
    context: dict[str, Any] | None = None
    idempotency_key: str | None = None


class Action(Model):
    """One thing to do; the details stand under the property named like the type."""

    action: ActionType | None = None
    start_workflow: StartWorkflowAction | None = msgspec.field(default=None, name="start_workflow")
    complete_task: TaskAction | None = msgspec.field(default=None, name="complete_task")
    fail_task: TaskAction | None = msgspec.field(default=None, name="fail_task")
    terminate_workflow: TerminateWorkflowAction | None = msgspec.field(
        default=None, name="terminate_workflow"
    )
    update_workflow_variables: UpdateVariablesAction | None = msgspec.field(
        default=None, name="update_workflow_variables"
    )
    start_agent: StartAgentAction | None = msgspec.field(default=None, name="start_agent")
    expand_inline_json: bool = msgspec.field(default_factory=lambda: False, name="expandInlineJSON")


class EventHandler(Model):
    """`event` is `type:uri`; without `active` the handler rests."""

    name: str = ""
    event: str = ""
    condition: str | None = None
    evaluator_type: str | None = None
    actions: list[Action] = always(list)
    active: bool = value(False)


class EventExecution(Model):
    """What one action did for one message; `id` is `<messageId>_<actionIndex>`."""

    id: str
    message_id: str
    name: str
    event: str
    status: EventExecutionStatus
    created: Long = value(0)
    action: ActionType | None = None
    output: dict[str, Any] = always(dict)
