"""Operations on tasks, their queues, and large payloads, as they are told."""

from typing import Any, Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import (
    ANY,
    Answer,
    Body,
    Operation,
    body,
    done,
    plain,
    plain_or_empty,
    shaped,
)
from firmus_contracts.executions import (
    ExternalStorageLocation,
    PollData,
    SignalResponse,
    Task,
    Workflow,
)
from firmus_contracts.requests import TaskExecLog, TaskResult
from firmus_contracts.shape import Long

_TAG: Final = "Task"
_QUEUE: Final = "Task queue"
_PAYLOAD: Final = "Payload"
_NONE: Final = {204: Answer(about="There is none now")}
_OUTPUT: Final = body(dict[str, Any], "Laid over the output of the task")
_SIGNAL: Final = body(dict[str, Any], "Laid over the output of the WAIT task")
_TYPE: Final = p.text("taskType", "The type of the tasks.", required=True)

WORK: Final = {
    "GET /api/tasks/poll/{tasktype}": Operation(
        id="pollForTask",
        tag=_TAG,
        summary="Take a task",
        about="Waits a tenth of a second for one.",
        parameters=(p.WORKER, p.DOMAIN),
        answers={**shaped(Task, "The task, begun"), **_NONE},
    ),
    "GET /api/tasks/poll/batch/{tasktype}": Operation(
        id="batchPollForTasks",
        tag=_TAG,
        summary="Take several tasks",
        about="Answers as soon as there is one, with as many as there are; with an empty list"
        " after the time limit.",
        parameters=(
            p.WORKER,
            p.DOMAIN,
            p.integer("count", "How many at most; more than 1000 are 1000.", default=1),
            p.integer(
                "timeout",
                "How long to wait for the first, in milliseconds.",
                default=100,
                maximum=5000,
            ),
        ),
        answers=shaped(list[Task], "The tasks, begun"),
    ),
    "POST /api/tasks": Operation(
        id="updateTask",
        tag=_TAG,
        summary="Report a task",
        about="`workflowInstanceId`, `taskId` and `status` are needed; without a status when the"
        " lease is extended.",
        parameters=p.COMMAND,
        body=body(TaskResult),
        answers=plain("The id of the task"),
        refuses=(404, 409),
    ),
    "POST /api/tasks/update-v2": Operation(
        id="updateTaskAndPoll",
        tag=_TAG,
        summary="Report a task and take the next of its queue",
        about="The next one is only taken when the report ended the task.",
        parameters=p.COMMAND,
        body=body(TaskResult),
        answers={**shaped(Task, "The next task, begun"), **_NONE},
        refuses=(404, 409),
    ),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}": Operation(
        id="updateTaskByReference",
        tag=_TAG,
        summary="Report the open task of a reference",
        about="No body when there is none, or no such execution.",
        parameters=(p.WORKER, *p.COMMAND),
        body=_OUTPUT,
        answers=plain_or_empty("The id of the task; no body for none"),
        refuses=(404, 409),
    ),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}/sync": Operation(
        id="updateTaskByReferenceSync",
        tag=_TAG,
        summary="Report the open task of a reference, answered with the execution",
        parameters=(p.WORKER, *p.COMMAND),
        body=_OUTPUT,
        answers=shaped(Workflow, "The execution as the report left it"),
        refuses=(404, 409),
    ),
    "POST /api/tasks/{workflowId}/{status}/signal": Operation(
        id="signalWorkflow",
        tag=_TAG,
        summary="Signal an execution that waits",
        about="Ends the first WAIT of it, or of its open sub-workflows; nothing if there is none.",
        parameters=p.COMMAND,
        body=_SIGNAL,
        answers=done(),
        refuses=(404, 409),
    ),
    "POST /api/tasks/{workflowId}/{status}/signal/sync": Operation(
        id="signalWorkflowSync",
        tag=_TAG,
        summary="Signal an execution that waits, and wait for it",
        about="Answered when the execution has ended, blocks again, or after the time limit.",
        parameters=(
            p.STRATEGY,
            p.long("timeoutMillis", "How long the answer may take.", default=5000),
            *p.COMMAND,
        ),
        body=_SIGNAL,
        answers=shaped(SignalResponse, "How it ended or where it blocks"),
        refuses=(404, 409),
    ),
    "GET /api/tasks/{taskId}": Operation(
        id="getTask",
        tag=_TAG,
        summary="Get a task",
        answers=shaped(Task, "The task"),
        refuses=(404,),
    ),
    "POST /api/tasks/{taskId}/ack": Operation(
        id="acknowledgeTask",
        tag=_TAG,
        summary="Acknowledge a task (published contract)",
        about="Taking a task acknowledges it already.",
        answers=shaped(bool, "Whether a worker has the task"),
        refuses=(404,),
    ),
    "GET /api/tasks/{taskId}/log": Operation(
        id="getTaskLogs",
        tag=_TAG,
        summary="Get the log of a task",
        answers={**shaped(list[TaskExecLog], "The lines, oldest first"), **_NONE},
    ),
    "POST /api/tasks/{taskId}/log": Operation(
        id="addTaskLog",
        tag=_TAG,
        summary="Add a line to the log of a task",
        about="The body is the line itself, whatever its content type.",
        parameters=p.COMMAND,
        body=Body(shape=str, about="The line", required=False, media=ANY, any_type=True),
        answers=done(),
        refuses=(404, 409),
    ),
    "GET /api/tasks/search": Operation(
        id="searchTasks",
        tag=_TAG,
        summary="Search tasks",
        parameters=p.SEARCH,
        answers=shaped(answered.SearchResultTaskSummary, "Summaries", p.SEARCH_HEADERS),
    ),
    "GET /api/tasks/search-v2": Operation(
        id="searchWholeTasks",
        tag=_TAG,
        summary="Search tasks, whole",
        about="As the log has them.",
        parameters=p.SEARCH,
        answers=shaped(answered.SearchResultTask, "Tasks", p.SEARCH_HEADERS),
    ),
}

QUEUES: Final = {
    "GET /api/tasks/queue/sizes": Operation(
        id="getTaskQueueSizes",
        tag=_QUEUE,
        summary="Get how many tasks wait, by type",
        parameters=(p.texts("taskType", "The types; a type without a queue has 0."),),
        answers=shaped(answered.Sizes, "Numbers by type"),
    ),
    "GET /api/tasks/queue/size": Operation(
        id="getTaskQueueSize",
        tag=_QUEUE,
        summary="Get how many tasks of a type wait",
        parameters=(_TYPE, p.DOMAIN, p.unused("isolationGroupId"), p.unused("executionNamespace")),
        answers=shaped(Long, "The number"),
    ),
    "GET /api/tasks/queue/all": Operation(
        id="getAllTaskQueues",
        tag=_QUEUE,
        summary="Get the queues that hold something",
        answers=shaped(answered.Sizes, "Numbers by `type` or `domain:type`"),
    ),
    "GET /api/tasks/queue/all/verbose": Operation(
        id="getAllTaskQueuesVerbose",
        tag=_QUEUE,
        summary="Get the queues that hold something, by shard",
        about="A queue has one shard.",
        answers=shaped(dict[str, dict[str, answered.QueueShard]], "Shards by queue"),
    ),
    "GET /api/tasks/queue/polldata": Operation(
        id="getPollData",
        tag=_QUEUE,
        summary="Get who polled for a type last",
        parameters=(_TYPE,),
        answers=shaped(list[PollData], "The last poll of each domain"),
    ),
    "GET /api/tasks/queue/polldata/all": Operation(
        id="getAllPollData",
        tag=_QUEUE,
        summary="Get who polled last",
        answers=shaped(list[PollData], "The last poll of each type and domain"),
    ),
    "POST /api/tasks/queue/requeue/{taskType}": Operation(
        id="requeuePendingTasks",
        tag=_QUEUE,
        summary="Offer begun tasks once more",
        parameters=(p.ACTOR,),
        answers=plain("How many wait now"),
    ),
}


def _location(named: str) -> Operation:
    return Operation(
        id=named,
        tag=_PAYLOAD,
        summary="Get the address of a large payload",
        about="Where a client uploads to or downloads from.",
        parameters=p.PLACE,
        answers=shaped(ExternalStorageLocation, "The path, and the address for it"),
    )


_ADDRESS: Final = "/api/external/payloads/{owner}/{side}/{name}"
PAYLOADS: Final = {
    "GET /api/workflow/externalstoragelocation": _location("getWorkflowStorageLocation"),
    "GET /api/workflow/external-storage-location": _location("getWorkflowStorageLocationDashed"),
    "GET /api/tasks/externalstoragelocation": _location("getTaskStorageLocation"),
    "GET /api/tasks/external-storage-location": _location("getTaskStorageLocationDashed"),
    f"GET {_ADDRESS}": Operation(
        id="downloadPayload",
        tag=_PAYLOAD,
        summary="Download a payload",
        parameters=(p.TICKET,),
        answers=shaped(dict[str, Any], "The payload"),
        refuses=(404,),
    ),
    f"PUT {_ADDRESS}": Operation(
        id="uploadPayload",
        tag=_PAYLOAD,
        summary="Upload a payload",
        about="What belongs to an execution cannot be written.",
        parameters=(p.TICKET,),
        body=Body(
            shape=dict[str, Any], about="The payload, whatever its content type", any_type=True
        ),
        answers=done(),
        refuses=(404,),
    ),
}
