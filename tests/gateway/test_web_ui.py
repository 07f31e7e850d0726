"""What the pages of the open-source web UI ask for, and the fields that they read.

The UI's bundle is published nowhere this suite could fetch it from; this is a list of its calls as
its sources make them, page by page, with `{}` for an id or a name that the page knows.
"""

from typing import Any, NamedTuple

import aiohttp
import pytest

from firmus.gateway import service
from firmus.handlers.store import memory_handlers
from tests.gateway.client import Api, result
from tests.gateway.ports import World

WORKFLOW = "workflowId workflowType version status startTime updateTime input output priority"
EXECUTION = "workflowId workflowName workflowVersion status createTime startTime tasks input output"
TASK = (
    "taskId taskType taskDefName referenceTaskName status scheduledTime startTime endTime seq"
    " retryCount inputData outputData workflowTask workerId pollCount"
)
DEFINITION = "name version tasks schemaVersion outputParameters timeoutSeconds createTime"
TASK_DEF = "name retryCount timeoutSeconds responseTimeoutSeconds timeoutPolicy retryLogic"
SCHEDULE = "name cronExpression startWorkflowRequest paused zoneId createTime"


class Call(NamedTuple):
    """`reads`: fields of the answer; of what lies at `at` in it, where that is given."""

    method: str
    path: str
    reads: str = ""
    at: tuple[str | int, ...] = ()
    body: Any = None


SEARCH = "start=0&size=15&sort=startTime:DESC&freeText=*"
CALLS = (
    # Lists of executions, by workflow and by task, and bulk actions on them.
    Call("GET", f"/workflow/search?{SEARCH}&query=", "totalHits results"),
    Call("GET", f"/workflow/search?{SEARCH}&query=workflowType IN (w)", WORKFLOW, ("results", 0)),
    Call("GET", f"/workflow/search-by-tasks?{SEARCH}&query=status IN (COMPLETED)", "totalHits"),
    *(
        Call(
            "PUT", f"/workflow/bulk/{it}", "bulkErrorResults bulkSuccessfulResults", (), ["{open}"]
        )
        for it in ("pause", "resume")
    ),
    Call("POST", "/workflow/bulk/retry", "bulkErrorResults bulkSuccessfulResults", (), ["{open}"]),
    Call(
        "POST", "/workflow/bulk/restart?useLatestDefinitions=true", "bulkErrorResults", (), ["{id}"]
    ),
    Call("POST", "/workflow/bulk/terminate", "bulkErrorResults", (), ["{open}"]),
    # One execution: its diagram, timeline, tasks with logs, and what may be done with it.
    Call("GET", "/workflow/{id}?includeTasks=true", f"{EXECUTION} workflowDefinition"),
    Call("GET", "/workflow/{id}?includeTasks=true", TASK, ("tasks", 0)),
    Call("GET", "/workflow/{id}?includeTasks=true", DEFINITION, ("workflowDefinition",)),
    Call("GET", "/tasks/{task}/log", "log taskId createdTime", (0,)),
    Call("GET", "/tasks/{task}", TASK),
    Call("PUT", "/workflow/{open}/pause"),
    Call("PUT", "/workflow/{paused}/resume"),
    Call("POST", "/workflow/{id}/restart?useLatestDefinitions=true"),
    Call("POST", "/workflow/{id}/rerun", "", (), {"reRunFromTaskId": "{task}"}),
    Call("DELETE", "/workflow/{open}?reason=enough"),
    Call(
        "GET",
        "/workflow/externalstoragelocation?path=x&operation=READ&payloadType=WORKFLOW_INPUT",
        "uri path",
    ),
    # Definitions and their editors.
    Call("GET", "/metadata/workflow", DEFINITION, (0,)),
    Call("GET", "/metadata/workflow/names-and-versions", "w"),
    Call("GET", "/metadata/workflow/latest-versions", DEFINITION, (0,)),
    Call("GET", "/metadata/workflow/w?version=1", DEFINITION),
    Call(
        "PUT",
        "/metadata/workflow",
        "bulkSuccessfulResults",
        (),
        [{"name": "w", "version": 2, "tasks": [{"name": "a", "taskReferenceName": "a"}]}],
    ),
    Call("DELETE", "/metadata/workflow/w/1"),
    Call("GET", "/metadata/taskdefs", TASK_DEF, (0,)),
    Call("GET", "/metadata/taskdefs/a", TASK_DEF),
    Call("POST", "/metadata/taskdefs", "", (), [{"name": "new"}]),
    Call("PUT", "/metadata/taskdefs", "", (), {"name": "a", "retryCount": 2}),
    Call("DELETE", "/metadata/taskdefs/a"),
    # Task queues.
    Call("GET", "/tasks/queue/polldata?taskType=a", "queueName workerId lastPollTime", (0,)),
    Call("GET", "/tasks/queue/polldata/all", "queueName lastPollTime", (0,)),
    Call("GET", "/tasks/queue/size?taskType=a"),
    Call("GET", "/tasks/queue/sizes?taskType=a", "a"),
    Call("GET", "/tasks/queue/all"),
    # Event handlers and schedules.
    Call("GET", "/event", "name event actions active", (0,)),
    Call("GET", "/event/conductor:x?activeOnly=false", "name event actions active", (0,)),
    Call("DELETE", "/event/h"),
    Call("GET", "/scheduler/schedules", SCHEDULE, (0,)),
    Call("GET", "/scheduler/schedules/s", SCHEDULE),
    Call("GET", "/scheduler/search/executions?start=0&size=15&query=", "totalHits results"),
    Call("GET", "/scheduler/nextFewSchedules?cronExpression=0 0 3 * * ?&limit=5"),
    Call("PUT", "/scheduler/schedules/s/pause"),
    Call("PUT", "/scheduler/schedules/resting/resume"),
    Call("DELETE", "/scheduler/schedules/s"),
    # The workbench.
    Call(
        "POST", "/workflow", "", (), {"name": "w", "version": 1, "input": {}, "correlationId": ""}
    ),
    Call("GET", "/version"),
    Call("GET", "/admin/config"),
)


async def filled(api: Api) -> dict[str, str]:
    """One of everything, and the ids of an ended and of an open execution and of a task."""
    await api.post("/metadata/taskdefs", [{"name": "a"}])
    await api.register("w", "a", outputParameters={"y": 1}, timeoutSeconds=60)
    ended, still_open = await api.start("w", {"x": 1}), await api.start("w")
    tasks = await api.poll("a", count=2)
    (task,) = [one for one in tasks if one["workflowInstanceId"] == ended]
    lines = [{"log": "a line", "createdTime": 1}]
    await api.post("/tasks", result(task, logs=lines, outputData={"z": 1}))
    action = {"action": "start_workflow", "start_workflow": {"name": "w"}}
    handler = {"name": "h", "event": "conductor:x", "actions": [action], "active": True}
    assert (await api.post("/event", handler)).status == 200
    schedule = {"name": "s", "cronExpression": "0 0 3 * * ?", "startWorkflowRequest": {"name": "w"}}
    for each in (schedule, {**schedule, "name": "resting", "paused": True}):
        assert (await api.post("/scheduler/schedules", each)).status == 200
    paused = await api.start("w")
    assert (await api.put(f"/workflow/{paused}/pause")).status in (200, 204)
    return {
        "{id}": ended,
        "{open}": still_open,
        "{paused}": paused,
        "{task}": task["taskId"],
    }


def known(what: Any, names: dict[str, str]) -> Any:
    """With ids for their names."""
    if isinstance(what, str):
        for name, given in names.items():
            what = what.replace(name, given)
        return what
    if isinstance(what, dict):
        return {key: known(value, names) for key, value in what.items()}
    return [known(value, names) for value in what] if isinstance(what, list) else what


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
async def test_a_page_gets_what_it_reads(world: World, call: Call) -> None:
    ports = world.ports(event_handlers=memory_handlers(world.clock))
    listener = await service.start(ports, host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        names = await filled(api)
        answer = await api.call(call.method, known(call.path, names), known(call.body, names))
    await listener.close()

    assert answer.status in (200, 204), answer.body
    found = answer.body
    for step in call.at:
        found = found[step]
    assert not call.reads or set(call.reads.split()) <= set(found), found
