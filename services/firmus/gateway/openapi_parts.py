"""What the OpenAPI document says beyond the table of routes: names, parameters, bodies."""

from typing import Any

from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.executions import ExternalStorageLocation
from firmus_contracts.requests import (
    CorrelationIdsRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    TaskResult,
    UpgradeWorkflowRequest,
    WorkflowStateUpdate,
)

_WORKFLOW = {"key": "workflowId", "ref": "taskReferenceName"}
_ROW = {"key": "workflowId", "ref": "taskRefName", "task": "taskId"}

NAMES: tuple[tuple[str, dict[str, str]], ...] = (
    (r"POST /api/workflow/\{key\}$", {"key": "name"}),
    (r"\w+ /api/workflow/\{key\}/correlated", {"key": "name", "correlation": "correlationId"}),
    (r"\w+ /api/workflow/", _WORKFLOW),
    (r"\w+ /api/tasks/queue/", {"task_type": "taskType"}),
    (r"\w+ /api/tasks/poll/", {"task_type": "tasktype"}),
    (r"\w+ /api/tasks/\{key\}/\{ref\}/signal", {"key": "workflowId", "ref": "status"}),
    (r"\w+ /api/tasks/\{key\}/\{ref\}", _ROW),
    (r"\w+ /api/tasks/", {"key": "taskId"}),
    (r"\w+ /api/metadata/taskdefs/", {"key": "tasktype"}),
    (r"\w+ /api/admin/task/", {"key": "tasktype"}),
    (r"\w+ /api/admin/", {"key": "workflowId"}),
    (r"\w+ /api/queue/update/", _ROW),
    (r"GET /api/event/", {"key": "event"}),
    (r"\w+ /api/environment/", {}),
    (r"\w+ /api/", {"key": "name"}),
)
"""For operations by pattern, the first that matches: Conductor's names for our parameters."""

_SEARCH = "start:integer size:integer sort freeText query"
_LOCATION = "path operation! payloadType!"
_CORRELATED = "includeClosed:boolean includeTasks:boolean"
_QUERY = {
    "GET /api/admin/queues": "verbose:boolean",
    "GET /api/admin/task/{tasktype}": "start:integer count:integer",
    "POST /api/metadata/workflow": "overwrite:boolean",
    "POST /api/schema": "newVersion:boolean",
    "GET /api/metadata/workflow/{name}": "version:integer",
    "GET /api/tasks/external-storage-location": _LOCATION,
    "GET /api/tasks/externalstoragelocation": _LOCATION,
    "GET /api/workflow/external-storage-location": _LOCATION,
    "GET /api/workflow/externalstoragelocation": _LOCATION,
    "GET /api/tasks/poll/batch/{tasktype}": "workerid domain count:integer timeout:integer",
    "GET /api/tasks/poll/{tasktype}": "workerid domain",
    "GET /api/tasks/queue/polldata": "taskType!",
    "GET /api/tasks/queue/size": "taskType! domain",
    "GET /api/tasks/queue/sizes": "taskType:array",
    "GET /api/tasks/search": _SEARCH,
    "GET /api/tasks/search-v2": _SEARCH,
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}": "workerid",
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}/sync": "workerid",
    "POST /api/tasks/{workflowId}/{status}/signal/sync": "returnStrategy timeoutMillis:integer",
    "DELETE /api/workflow/bulk/remove": "archiveWorkflow:boolean",
    "POST /api/workflow/bulk/restart": "useLatestDefinitions:boolean",
    "POST /api/workflow/bulk/search": "includeTasks:boolean",
    "PUT /api/workflow/bulk/pause": "reason",
    "PUT /api/workflow/bulk/resume": "reason",
    "POST /api/workflow/bulk/terminate": "reason triggerFailureWorkflow:boolean",
    "DELETE /api/workflow/bulk/terminate-remove": "archiveWorkflow:boolean reason",
    "POST /api/workflow/execute/{name}/{version}": (
        "requestId waitUntilTaskRef waitForSeconds:integer returnStrategy"
    ),
    "GET /api/workflow/running/{name}": "version:integer startTime:integer endTime:integer",
    "GET /api/workflow/search": f"{_SEARCH} classifier topLevelOnly:boolean",
    "GET /api/workflow/search-v2": f"{_SEARCH} classifier topLevelOnly:boolean",
    "GET /api/workflow/search-by-tasks": _SEARCH,
    "GET /api/workflow/search-by-tasks-v2": _SEARCH,
    "POST /api/workflow/{name}": "version:integer correlationId priority:integer",
    "POST /api/workflow/correlated/batch": _CORRELATED,
    "POST /api/workflow/{name}/correlated": _CORRELATED,
    "GET /api/workflow/{name}/correlated/{correlationId}": _CORRELATED,
    "GET /api/workflow/{workflowId}": "includeTasks:boolean",
    "DELETE /api/workflow/{workflowId}": "reason triggerFailureWorkflow:boolean",
    "POST /api/workflow/{workflowId}/jump/{taskReferenceName}": "reason",
    "PUT /api/workflow/{workflowId}/pause": "reason",
    "PUT /api/workflow/{workflowId}/resume": "reason",
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}": "reason",
    "POST /api/workflow/{workflowId}/state": (
        "requestId waitUntilTaskRef waitForSeconds:integer returnStrategy reason"
    ),
    "POST /api/workflow/{workflowId}/upgrade": "reason",
    "POST /api/workflow/{workflowId}/variables": "reason",
    "DELETE /api/workflow/{workflowId}/remove": "archiveWorkflow:boolean reason",
    "POST /api/workflow/{workflowId}/restart": "useLatestDefinitions:boolean",
    "POST /api/workflow/{workflowId}/retry": "resumeSubworkflowTasks:boolean",
    "GET /api/workflow/{workflowId}/status": "includeOutput:boolean includeVariables:boolean",
    "GET /api/workflow/{workflowId}/tasks": "start:integer count:integer status:array",
    "DELETE /api/workflow/{workflowId}/terminate-remove": "reason archiveWorkflow:boolean",
    "GET /api/scheduler/nextFewSchedules": (
        "cronExpression! scheduleStartTime:integer scheduleEndTime:integer limit:integer"
    ),
    "GET /api/scheduler/schedules": "workflowName",
    "GET /api/scheduler/schedules/search": (
        "workflowName scheduleName paused:boolean freeText start:integer size:integer sort"
    ),
    "PUT /api/scheduler/schedules/{name}/pause": "reason",
    "GET /api/scheduler/search/executions": _SEARCH,
}

NO_BODY = frozenset(
    {
        "PUT /api/workflow/{workflowId}/pause",
        "PUT /api/workflow/{workflowId}/resume",
        "PUT /api/workflow/decide/{workflowId}",
        "POST /api/workflow/{workflowId}/restart",
        "POST /api/workflow/{workflowId}/retry",
        "POST /api/workflow/{workflowId}/resetcallbacks",
        "POST /api/tasks/queue/requeue/{taskType}",
        "POST /api/tasks/{taskId}/ack",
        "POST /api/secrets",
        "POST /api/admin/sweep/requeue/{workflowId}",
        "POST /api/admin/consistency/verifyAndRepair/{workflowId}",
        "PUT /api/scheduler/schedules/{name}/pause",
        "PUT /api/scheduler/schedules/{name}/resume",
    }
)

_BULK = ("pause", "resume", "restart", "retry", "terminate", "remove", "terminate-remove")
_BULK_METHODS = {"pause": "PUT", "resume": "PUT", "remove": "DELETE", "terminate-remove": "DELETE"}

BODIES: dict[str, Any] = {
    "POST /api/metadata/workflow": WorkflowDef,
    "PUT /api/metadata/workflow": list[WorkflowDef],
    "POST /api/metadata/workflow/validate": WorkflowDef,
    "POST /api/metadata/taskdefs": list[TaskDef],
    "PUT /api/metadata/taskdefs": TaskDef,
    "POST /api/schema": list[SchemaDef],
    "POST /api/workflow": StartWorkflowRequest,
    "POST /api/workflow/{name}": dict[str, Any],
    "POST /api/workflow/{workflowId}/jump/{taskReferenceName}": dict[str, Any],
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}": SkipTaskRequest,
    "POST /api/workflow/{workflowId}/state": WorkflowStateUpdate,
    "POST /api/workflow/{workflowId}/upgrade": UpgradeWorkflowRequest,
    "POST /api/workflow/correlated/batch": CorrelationIdsRequest,
    "POST /api/workflow/{workflowId}/variables": dict[str, Any],
    "POST /api/tasks": TaskResult,
    "POST /api/tasks/update-v2": TaskResult,
    **{f"{_BULK_METHODS.get(what, 'POST')} /api/workflow/bulk/{what}": list[str] for what in _BULK},
}

RESULTS: dict[str, Any] = {  # executions hold raw JSON, which msgspec writes no schema of
    "GET /api/metadata/workflow": list[WorkflowDef],
    "GET /api/metadata/workflow/{name}": WorkflowDef,
    "GET /api/metadata/taskdefs": list[TaskDef],
    "GET /api/schema": list[SchemaDef],
    "GET /api/schema/{name}": SchemaDef,
    "GET /api/schema/{name}/{version}": SchemaDef,
    "GET /api/metadata/taskdefs/{tasktype}": TaskDef,
    "GET /api/tasks/externalstoragelocation": ExternalStorageLocation,
    "GET /api/workflow/externalstoragelocation": ExternalStorageLocation,
}


def query_of(operation: str) -> list[str]:
    """The query parameters of an operation: `name`, `name:type`, or `name!` for a required one."""
    return _QUERY.get(operation, "").split()
