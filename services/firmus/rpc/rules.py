"""Who may call which method: one row for each, in the words of the gateway's table of access.

A row says which role is asked for, and which field of the request has the name it is asked on, or
the id of an execution or task. Methods in `INSIDE` ask for each name that they find themselves,
and leave out of lists what may not be read.
"""

from typing import Any, Literal

import msgspec

from firmus.edge.permits import require_task, require_workflow
from firmus.ports import DeciderPort
from firmus.security.grants import (
    ADMIN,
    EXECUTE,
    READ,
    Principal,
    Role,
    require,
    require_everywhere,
)


class Rule(msgspec.Struct, frozen=True):
    """`of`: what the field of the request holds. `server`: the role is asked for on all names."""

    of: Literal["inside", "server", "name", "workflow", "task"]
    role: Role = READ
    field: str = ""


INSIDE = Rule("inside")
_REST = Rule("server", ADMIN)
"""For what stands in no row."""
_STEERS = Rule("workflow", EXECUTE, "workflow_id")
_ADMINISTERS = Rule("server", ADMIN)

RULES: dict[str, Rule] = {
    "TaskService/Poll": Rule("name", EXECUTE, "task_type"),
    "TaskService/BatchPoll": Rule("name", EXECUTE, "task_type"),
    "TaskService/UpdateTask": INSIDE,
    "TaskService/AddLog": Rule("task", EXECUTE, "task_id"),
    "TaskService/GetTaskLogs": Rule("task", READ, "task_id"),
    "TaskService/GetTask": Rule("task", READ, "task_id"),
    "TaskService/GetQueueSizesForTasks": INSIDE,
    "TaskService/GetQueueInfo": INSIDE,
    "TaskService/GetQueueAllInfo": INSIDE,
    "TaskService/Search": INSIDE,
    "TaskService/SearchV2": INSIDE,
    "WorkflowService/StartWorkflow": INSIDE,
    "WorkflowService/GetWorkflows": Rule("name", READ, "name"),
    "WorkflowService/GetWorkflowStatus": Rule("workflow", READ, "workflow_id"),
    "WorkflowService/RemoveWorkflow": Rule("workflow", ADMIN, "workflod_id"),
    "WorkflowService/GetRunningWorkflows": Rule("name", READ, "name"),
    "WorkflowService/DecideWorkflow": _STEERS,
    "WorkflowService/PauseWorkflow": _STEERS,
    "WorkflowService/ResumeWorkflow": _STEERS,
    "WorkflowService/SkipTaskFromWorkflow": _STEERS,
    "WorkflowService/RerunWorkflow": Rule("workflow", EXECUTE, "re_run_from_workflow_id"),
    "WorkflowService/RestartWorkflow": _STEERS,
    "WorkflowService/RetryWorkflow": _STEERS,
    "WorkflowService/ResetWorkflowCallbacks": _STEERS,
    "WorkflowService/TerminateWorkflow": _STEERS,
    "WorkflowService/Search": INSIDE,
    "WorkflowService/SearchByTasks": INSIDE,
    "WorkflowService/SearchV2": INSIDE,
    "WorkflowService/SearchByTasksV2": INSIDE,
    "MetadataService/CreateWorkflow": INSIDE,
    "MetadataService/ValidateWorkflow": INSIDE,
    "MetadataService/UpdateWorkflows": INSIDE,
    "MetadataService/GetWorkflow": Rule("name", READ, "name"),
    "MetadataService/CreateTasks": INSIDE,
    "MetadataService/UpdateTask": INSIDE,
    "MetadataService/GetTask": Rule("name", READ, "task_type"),
    "MetadataService/DeleteTask": Rule("name", ADMIN, "task_type"),
    # What a handler does is not bound to the names it is written under.
    "EventService/AddEventHandler": _ADMINISTERS,
    "EventService/UpdateEventHandler": _ADMINISTERS,
    "EventService/RemoveEventHandler": _ADMINISTERS,
    "EventService/GetEventHandlers": INSIDE,
    "EventService/GetEventHandlersForEvent": INSIDE,
}


def rule_of(service: str, method: str) -> Rule:
    return RULES.get(f"{service}/{method}", _REST)


async def check(rule: Rule, by: Principal, request: Any, decider: DeciderPort) -> None:
    """Raises Refusal FORBIDDEN, and NOT_FOUND for what is not there."""
    match rule.of:
        case "name":
            require(by, rule.role, getattr(request, rule.field))
        case "workflow":
            await require_workflow(by, rule.role, decider, getattr(request, rule.field))
        case "task":
            await require_task(by, rule.role, decider, getattr(request, rule.field))
        case "server":
            require_everywhere(by, rule.role)
