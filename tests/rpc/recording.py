"""Calls that were played on the real Conductor 3.32.3, and what it answered (`recorded.json`).

`python -m tests.rpc.recording 127.0.0.1:8090` plays them on a server at that address and records.
"""

import asyncio
import re
import secrets
import sys
from pathlib import Path
from typing import Any

import grpc
import msgspec

from tests.rpc.client import Failed, Rpc

RECORDED = Path(__file__).with_name("recorded.json")
NAME = "rpc_recorded"
"""Stands for a name that is used once."""
TIMES = frozenset({"scheduledTime", "startTime", "endTime", "createdTime", "lastRetriedTime"})
UNSTEADY = frozenset({"executed", "executionMetadata", "updateTime", "firstStartTime"})
"""What comparisons over REST leave out too, or what is an empty message in Conductor."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

TASK = {
    "name": f"{NAME}_task",
    "ownerEmail": "a@example.com",
    "retryCount": 2,
    "retryDelaySeconds": 1,
    "responseTimeoutSeconds": 30,
    "timeoutSeconds": 60,
    "backoffScaleFactor": 1,
    "rateLimitFrequencyInSeconds": 1,
    "timeoutPolicy": "TIME_OUT_WF",
    "inputTemplate": {"rate": 1.5, "unit": "kg"},
    "inputKeys": ["rate"],
}
SIMPLE = {"name": f"{NAME}_task", "taskReferenceName": "one", "type": "SIMPLE", "retryCount": -1}
GIVEN = {"x": "${workflow.input.x}", "list": [1, 2.5, None, {"k": True}], "text": ""}
WORKFLOW = {
    "name": NAME,
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "a@example.com",
    "restartable": True,
    "timeoutPolicy": "ALERT_ONLY",
    "tasks": [
        {**SIMPLE, "inputParameters": GIVEN},
        {**SIMPLE, "taskReferenceName": "two", "inputParameters": {"seen": "${one.output.seen}"}},
    ],
    "outputParameters": {"seen": "${one.output.seen}"},
    "variables": {"v": 1.25},
    "metadata": {"team": "shop"},
}
SHAPES = {
    "name": f"{NAME}_shapes",
    "version": 3,
    "schemaVersion": 2,
    "ownerEmail": "a@example.com",
    "tasks": [
        {
            "name": "choose",
            "taskReferenceName": "choose",
            "type": "SWITCH",
            "evaluatorType": "value-param",
            "expression": "way",
            "inputParameters": {"way": "${workflow.input.way}"},
            "decisionCases": {"a": {"tasks": [{**SIMPLE, "taskReferenceName": "in_a"}]}},
            "defaultCase": [{**SIMPLE, "taskReferenceName": "in_default", "retryCount": 4}],
        },
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN",
            "forkTasks": [
                {"tasks": [{**SIMPLE, "taskReferenceName": "left"}]},
                {"tasks": [{**SIMPLE, "taskReferenceName": "right"}]},
            ],
        },
        {
            "name": "join",
            "taskReferenceName": "join",
            "type": "JOIN",
            "joinOn": ["left", "right"],
            "retryCount": -1,
        },
    ],
}
HANDLER = {
    "name": f"{NAME}_handler",
    "event": f"conductor:{NAME}:x",
    "condition": "true",
    "active": True,
    "actions": [
        {"startWorkflow": {"name": NAME, "input": {"a": 2.5}, "correlationId": "c"}},
        {"action": "COMPLETE_TASK", "completeTask": {"workflowId": "${w}", "taskRefName": "one"}},
    ],
}
RESULT = {
    "taskId": "$task",
    "workflowInstanceId": "$workflow",
    "status": "COMPLETED",
    "workerId": "w1",
    "outputData": {"seen": 7, "deep": {"l": [None, "", False]}},
}
OF_WORKFLOW = {"workflowId": "$workflow"}


class Step(msgspec.Struct, frozen=True):
    """One call. `keep`: the name of a value in the answer, for later requests as `$name`.
    `code`: what firmus answers where Conductor's status says nothing.
    """

    call: str
    request: dict[str, Any] = {}
    keep: dict[str, str] = {}
    code: str = ""


def _steps(service: str, *rows: Any) -> list[Step]:
    return [Step(f"{service}/{row[0]}", *row[1:]) for row in rows]


STEPS = [
    *_steps(
        "MetadataService",
        ("CreateTasks", {"defs": [TASK]}),
        ("GetTask", {"taskType": f"{NAME}_task"}),
        ("UpdateTask", {"task": {**TASK, "description": "changed", "retryCount": 0}}),
        ("GetTask", {"taskType": f"{NAME}_task"}),
        ("GetTask", {"taskType": f"{NAME}_none"}, {}, "NOT_FOUND"),
        ("CreateTasks", {"defs": [{"name": f"{NAME}_bad"}]}, {}, "INVALID_ARGUMENT"),
        ("ValidateWorkflow", {"workflow": WORKFLOW}),
        ("CreateWorkflow", {"workflow": WORKFLOW}),
        ("CreateWorkflow", {"workflow": WORKFLOW}, {}, "ALREADY_EXISTS"),
        ("GetWorkflow", {"name": NAME}),
        ("GetWorkflow", {"name": f"{NAME}_none", "version": 2}),
        ("UpdateWorkflows", {"defs": [SHAPES]}),
        ("GetWorkflow", {"name": f"{NAME}_shapes", "version": 3}),
    ),
    *_steps(
        "WorkflowService",
        ("StartWorkflow", {"name": f"{NAME}_none"}),
        ("StartWorkflow", {"name": NAME, "priority": 100}, {}, "INVALID_ARGUMENT"),
        (
            "StartWorkflow",
            {"name": NAME, "input": {"x": 3}, "correlationId": "c1", "priority": 5},
            {"workflow": "workflowId"},
        ),
        ("GetWorkflowStatus", {**OF_WORKFLOW, "includeTasks": True}),
        ("GetWorkflowStatus", {"workflowId": "nope"}, {}, "NOT_FOUND"),
        ("PauseWorkflow", OF_WORKFLOW),
        ("PauseWorkflow", OF_WORKFLOW),
        ("GetWorkflowStatus", OF_WORKFLOW),
        ("ResumeWorkflow", OF_WORKFLOW),
        ("ResumeWorkflow", OF_WORKFLOW, {}, "FAILED_PRECONDITION"),
        ("RestartWorkflow", OF_WORKFLOW, {}, "FAILED_PRECONDITION"),
        ("DecideWorkflow", OF_WORKFLOW),
    ),
    *_steps(
        "TaskService",
        ("BatchPoll", {"taskType": f"{NAME}_task", "timeout": 5001}),
        ("BatchPoll", {}, {}, "INVALID_ARGUMENT"),
        ("GetQueueSizesForTasks", {"taskTypes": [f"{NAME}_task", f"{NAME}_none"]}),
        ("Poll", {"taskType": f"{NAME}_task", "workerId": "w1"}, {"task": "task.taskId"}),
        ("AddLog", {"taskId": "$task", "log": "half way"}),
        ("GetTaskLogs", {"taskId": "$task"}),
        ("GetTask", {"taskId": "$task"}),
        ("GetTask", {"taskId": "nope"}),
        ("UpdateTask", {"result": {}}, {}, "INVALID_ARGUMENT"),
        ("UpdateTask", {"result": RESULT}),
        ("BatchPoll", {"taskType": f"{NAME}_task", "workerId": "w2", "timeout": 1000}),
    ),
    *_steps(
        "WorkflowService",
        ("GetWorkflowStatus", {**OF_WORKFLOW, "includeTasks": True}),
        (
            "SkipTaskFromWorkflow",
            {**OF_WORKFLOW, "taskReferenceName": "x"},
            {},
            "FAILED_PRECONDITION",
        ),
        ("TerminateWorkflow", {**OF_WORKFLOW, "reason": "enough"}),
        ("TerminateWorkflow", {**OF_WORKFLOW, "reason": "enough"}),
        ("GetWorkflowStatus", {**OF_WORKFLOW, "includeTasks": True}),
        ("PauseWorkflow", OF_WORKFLOW, {}, "FAILED_PRECONDITION"),
        ("RestartWorkflow", OF_WORKFLOW),
        ("GetWorkflowStatus", {**OF_WORKFLOW, "includeTasks": True}),
        ("RemoveWorkflow", {"workflodId": "$workflow"}),
        ("GetWorkflowStatus", OF_WORKFLOW, {}, "NOT_FOUND"),
        ("Search", {"query": "workflowType=x", "size": 5001}),
    ),
    *_steps(
        "EventService",
        ("AddEventHandler", {"handler": HANDLER}),
        ("AddEventHandler", {"handler": HANDLER}, {}, "ALREADY_EXISTS"),
        ("GetEventHandlersForEvent", {"event": f"conductor:{NAME}:x", "activeOnly": True}),
        ("UpdateEventHandler", {"handler": {**HANDLER, "active": False}}),
        ("GetEventHandlersForEvent", {"event": f"conductor:{NAME}:x", "activeOnly": True}),
        ("GetEventHandlersForEvent", {"event": f"conductor:{NAME}:x"}),
        ("RemoveEventHandler", {"name": f"{NAME}_handler"}),
        ("RemoveEventHandler", {"name": f"{NAME}_handler"}, {}, "NOT_FOUND"),
    ),
    *_steps("MetadataService", ("DeleteTask", {"taskType": f"{NAME}_task"})),
]


class Player:
    """Plays the steps under a name that is used once, and takes that out of the answers."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._name = f"rr{secrets.token_hex(5)}"
        self._kept: dict[str, str] = {}

    async def play(self) -> list[dict[str, Any]]:
        return [await self._answer(step) for step in STEPS]

    async def _answer(self, step: Step) -> dict[str, Any]:
        service, _, method = step.call.partition("/")
        try:
            answer = await self._rpc.call(service, method, self._filled(step.request))
        except Failed as failed:
            return {"call": step.call, "code": failed.code, "text": self._plain(failed.text)}
        for kept, path in step.keep.items():
            found = answer
            for key in path.split("."):
                found = found[key]
            self._kept[kept] = found
        return {"call": step.call, "answer": self._plain(answer)}

    def _filled(self, thing: Any) -> Any:
        match thing:
            case dict():
                return {key: self._filled(value) for key, value in thing.items()}
            case list():
                return [self._filled(item) for item in thing]
            case str() if thing.startswith("$") and not thing.startswith("${"):
                return self._kept[thing[1:]]
            case str():
                return thing.replace(NAME, self._name)
        return thing

    def _plain(self, thing: Any) -> Any:
        match thing:
            case dict():
                return {
                    self._plain(key): "some time" if key in TIMES else self._plain(value)
                    for key, value in sorted(thing.items())
                    if key not in UNSTEADY
                }
            case list():
                return [self._plain(item) for item in thing]
            case str():
                for name, value in self._kept.items():
                    thing = thing.replace(value, f"${name}")
                return _ID.sub("some id", thing.replace(self._name, NAME))
        return thing


async def record(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        answers = await Player(Rpc(channel)).play()
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(answers), indent=1) + b"\n")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
