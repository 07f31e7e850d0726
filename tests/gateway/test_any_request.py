"""Requests of every kind that the document allows, made up by schemathesis: none breaks the server,
and each answer is one that the document tells of.

The same requests every time. They go to a gateway in a thread of its own, with everything behind
it that a gateway can have in memory.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from firmus.gateway import service
from firmus.gateway.openapi.examples import EXAMPLES
from firmus.handlers.store import memory_handlers
from tests.gateway.ports import World
from tests.gateway.told import our_document, ours

REQUESTS = 3
"""Of each operation; every second one is about something that exists."""
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
BROKEN = frozenset({500, 503})
DEFINITION = {
    "name": "w",
    "tasks": [
        {"name": "a", "taskReferenceName": "a_0"},
        {"name": "wait", "taskReferenceName": "wait_0", "type": "WAIT"},
    ],
}
GIVEN = {"PUT /api/metadata/workflow": {"body": [EXAMPLES["WorkflowDef"], DEFINITION]}}
"""What takes too long to make up: lists of trees."""
PATIENCE_S = 20
WAITS = {"timeout": 20, "timeoutMillis": 20, "waitForSeconds": 1}
"""Parameters that make an answer wait are made to wait little."""
SCHEDULE = {
    "name": "s",
    "cronExpression": "0 0 3 * * *",
    "startWorkflowRequest": {"name": "w", "version": 1},
}
HANDLER = {
    "name": "w",
    "event": "conductor:w:x",
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "w"}}],
}
OPERATIONS = sorted(
    (found.ok() for found in schemathesis.openapi.from_dict(our_document()).get_all_operations()),
    key=lambda operation: operation.method == "delete",
)
"""Those last that take away what others are about."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a gateway listens, in a loop of its own."""
    listening, address = threading.Event(), []
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        world = World()
        ports = world.ports(event_handlers=memory_handlers(world.clock))
        listener = await service.start(ports, host="127.0.0.1", port=0)
        address.append(f"http://127.0.0.1:{listener.port}")
        listening.set()
        await ended.wait()
        await listener.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert listening.wait(10)
    yield address[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def known(url: str) -> dict[str, str]:
    """Values of the parameters of paths that mean something there."""
    _put(url, "PUT", "/metadata/workflow", [DEFINITION])
    _put(url, "POST", "/metadata/taskdefs", [{"name": "a"}])
    _put(url, "POST", "/scheduler/schedules", SCHEDULE)
    _put(url, "POST", "/event", HANDLER)
    _put(url, "POST", "/schema", {"name": "w", "version": 1, "data": {"type": "object"}})
    key = _put(url, "POST", "/workflow", {"name": "w", "input": {}, "correlationId": "c"}).text
    (task,) = requests.get(f"{url}/api/tasks/poll/batch/a", timeout=PATIENCE_S).json()
    return {
        "correlationId": "c",
        "name": "w",
        "taskId": task["taskId"],
        "taskRefName": "a_0",
        "taskReferenceName": "a_0",
        "taskType": "a",
        "tasktype": "a",
        "version": "1",
        "workflowId": key,
    }


def _put(url: str, method: str, path: str, body: Any) -> requests.Response:
    answer = requests.request(method, f"{url}/api{path}", json=body, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("place", range(len(OPERATIONS)), ids=[each.label for each in OPERATIONS])
def test_every_answer_is_one_that_the_document_tells_of(
    place: int, url: str, known: dict[str, str]
) -> None:
    operation = OPERATIONS[place]
    turns = iter(range(REQUESTS * 10))
    waits = {one.name: WAITS[one.name] for one in operation.query if one.name in WAITS}

    @settings(
        max_examples=REQUESTS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(**GIVEN.get(operation.label, {})))
    def ask(case: schemathesis.Case) -> None:
        if next(turns) % 2:
            mine = {name: known[name] for name in case.path_parameters if name in known}
            case.path_parameters.update(mine)
        case.query.update(waits)
        answer = case.call(base_url=url, timeout=PATIENCE_S)
        assert answer.status_code not in BROKEN, answer.content
        if answer.content:
            case.validate_response(answer, checks=CHECKS)
        headers = {name: values[0] for name, values in answer.headers.items()}
        path = urlsplit(answer.request.url).path
        faults = ours().faults(case.method, path, answer.status_code, headers, answer.content)
        assert faults == []

    ask()
