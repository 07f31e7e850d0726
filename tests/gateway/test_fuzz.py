"""Whatever a client sends to whatever path: no answer is the server's own fault.

Bodies are random JSON of wrong shapes under the names that the requests really have, and requests
that would be right but for one place.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from firmus.gateway import executions
from firmus.gateway.app import App, build
from firmus.gateway.polling import Polls
from firmus.gateway.routes import Route, routes
from firmus.handlers.store import memory_handlers
from firmus_contracts import bodies
from firmus_contracts.leniency import Body
from tests.gateway.ports import World

NAME, TYPE = "known", "kind"
READ_AS: dict[str, Body[Any]] = {
    name: value for name, value in vars(bodies).items() if isinstance(value, Body)
}
QUERY = (
    *("version", "name", "count", "start", "size", "sort", "query", "freeText", "status"),
    *("includeTasks", "includeClosed", "includeOutput", "overwrite", "newName", "atLeast"),
    *("searchAfter", "classifier", "topLevelOnly", "domain", "workerid", "priority", "taskType"),
    *(
        "startTime",
        "endTime",
        "short",
        "access",
        "verbose",
        "activeOnly",
        "cronExpression",
        "limit",
    ),
    *("path", "operation", "payloadType", "waitUntilTaskRef", "returnStrategy", "consistency"),
    *("requestId", "reason", "archiveWorkflow", "triggerFailureWorkflow", "correlationId"),
    *("scheduleStartTime", "scheduleEndTime", "taskReferenceName", "workflowName"),
)


def names_in(kind: inspect.Type, seen: set[Any]) -> Iterator[str]:
    """The properties of everything that a type holds."""
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        for field in kind.fields:
            yield field.encode_name
            yield from names_in(field.type, seen)
    for part in ("item_type", "value_type"):
        if hasattr(kind, part):
            yield from names_in(getattr(kind, part), seen)
    for inner in getattr(kind, "types", ()):
        yield from names_in(inner, seen)


WORDS = sorted(
    {name for body in READ_AS.values() for name in names_in(inspect.type_info(body._target), set())}
)
TEXTS = st.sampled_from(
    [
        *("", " ", "None", "null", "true", "0", "-1", "1.5", "x" * 600, "é\u0000", "\ud7ff", "${"),
        *("${a.b}", "a/b", "..", "*", "%", "SIMPLE", "SWITCH", "FORK_JOIN", "COMPLETED", "FAILED"),
        *(NAME, TYPE, "* * * * * *", "start_workflow", "conductor:w:e", "9" * 30, "a=b", "(", "{"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 99, 2**31, -(2**63), 2**64, 1.5, -0.0, 1e300])
    | TEXTS
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | TEXTS, inner, max_size=6)
    ),
    max_leaves=12,
)
QUERIES = st.dictionaries(st.sampled_from(QUERY), TEXTS, max_size=4)
TASKS = json.loads("""[
  {"name": "kind", "taskReferenceName": "ref", "inputParameters": {"a": "${workflow.input.x}"}},
  {"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param",
   "expression": "x", "inputParameters": {"x": 1}, "defaultCase": [],
   "decisionCases": {"a": [{"name": "t", "taskReferenceName": "t", "type": "TERMINATE"}]}},
  {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
   "forkTasks": [[{"name": "kind", "taskReferenceName": "g"}]]},
  {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["g"]},
  {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "false",
   "loopOver": [{"name": "kind", "taskReferenceName": "m"}]},
  {"name": "u", "taskReferenceName": "u", "type": "SUB_WORKFLOW",
   "subWorkflowParam": {"name": "known", "version": 1}},
  {"name": "h", "taskReferenceName": "h", "type": "HTTP",
   "inputParameters": {"http_request": {"uri": "http://h", "method": "GET"}}}
]""")
DEFINITION = {"name": "new", "version": 2, "tasks": TASKS, "inputTemplate": {"a": 1}}
DEFINITION |= {
    "timeoutPolicy": "ALERT_ONLY",
    "timeoutSeconds": 0,
    "outputParameters": {"o": "${f}"},
}
TASK = {"name": "newkind", "retryCount": 1, "retryLogic": "FIXED", "timeoutSeconds": 9}
TASK |= {"responseTimeoutSeconds": 5, "inputTemplate": {}, "rateLimitPerFrequency": 1}
START = {"name": NAME, "version": 1, "input": {"x": 1}, "taskToDomain": {"*": "d"}, "priority": 1}
STARTING = {"action": "start_workflow", "start_workflow": {"name": NAME, "version": 1}}
RIGHT: tuple[Any, ...] = (
    *(DEFINITION, [DEFINITION], TASK, [TASK], START, START | {"workflowDef": DEFINITION}),
    START | {"taskRefToMockOutput": {"ref": [{"status": "COMPLETED", "output": {}}]}},
    {"name": "sch", "cronExpression": "0 0 * * * *", "startWorkflowRequest": START},
    {"name": "h", "event": "conductor:w:e", "active": True, "actions": [STARTING]},
    {"name": "sc", "version": 1, "type": "JSON", "data": {"type": "object"}},
    {"workflowInstanceId": "ID", "taskId": "TASK", "status": "COMPLETED", "outputData": {"a": 1}},
    {"reRunFromTaskId": "TASK", "workflowInput": {}, "taskInput": {}},
    {"taskReferenceName": "ref", "taskResult": {"status": "COMPLETED"}, "variables": {"v": 1}},
    {"name": NAME, "version": 1, "taskOutput": {"ref": {}}, "workflowInput": {}},
    {"workflowNames": [NAME], "correlationIds": ["c"]},
    ["ID", "ID"],
    [{"key": "k", "value": "v"}],
)


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a value, the whole first."""
    yield ()
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for key, part in parts:
        for way in places(part):
            yield (key, *way)


def changed(value: Any, way: tuple[Any, ...], to: Any) -> Any:
    if not way:
        return to
    copy = value.copy()
    copy[way[0]] = changed(value[way[0]], way[1:], to)
    return copy


NEARLY = st.sampled_from(RIGHT).flatmap(
    lambda right: st.builds(changed, st.just(right), st.sampled_from(list(places(right))), VALUES)
)
CASES = st.tuples(VALUES | NEARLY, QUERIES, st.integers(0, 5), TEXTS)


async def asked(app: App, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
    """One call of the application, without a socket."""
    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1"}
    scope |= {"method": method, "path": path, "raw_path": b"", "query_string": query.encode()}
    scope["headers"] = [(b"content-type", b"application/json"), (b"host", b"here")]
    events = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop() if events else await asyncio.get_running_loop().create_future()

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:])


async def prepared(world: World) -> tuple[App, list[Route], list[str]]:
    """An application with a definition, and what may stand at a place of a path."""
    ports = world.ports(event_handlers=memory_handlers(world.clock))
    polls = Polls(world.queues, world.clock, world.polls)
    app = build(ports, polls).app
    task = {"name": TYPE, "taskReferenceName": "ref"}
    definition = json.dumps({"name": NAME, "tasks": [task]}).encode()
    assert (await asked(app, "POST", "/api/metadata/workflow", "", definition))[0] == 200
    status, started = await asked(app, "POST", f"/api/workflow/{NAME}", "", b"{}")
    assert status == 200
    workflow_id = started.decode()
    return app, routes(ports, polls), [NAME, TYPE, workflow_id, workflow_id[:-1] + "1", "1"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_request_makes_the_server_fail(
    world: World, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "WAIT_FOR_S", 0)  # what waitForSeconds=0 would mean instead
    with asyncio.Runner() as runner:
        app, table, known = runner.run(prepared(world))
        mine = [
            route.path for route in table if route.method == method and "poll/" not in route.path
        ]

        @settings(
            max_examples=4 * len(mine),
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.sampled_from(mine), CASES)
        def check(template: str, case: tuple[Any, dict[str, str], int, str]) -> None:
            value, query, place, text = case
            given_text = known[place] if place < len(known) else text or "x"
            path = re.sub(r"\{\w+\}", lambda _: given_text, template)
            line = "&".join(f"{name}={quote(text)}" for name, text in query.items())
            line += "&waitForSeconds=0&timeout=0"
            body = json.dumps(value).replace('"ID"', f'"{known[2]}"')
            body = body.replace('"TASK"', f'"{known[3]}"')
            status, answer = runner.run(asked(app, method, path, line, body.encode()))
            assert status < 500 or status == 501, (status, answer)

        check()
