"""A walk through every operation of the published OpenAPI files, on any server that offers them.

Each answer is held against the file that publishes the operation, and, where there is one, against
the document of the server itself.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import yaml

from tests.gateway.told import Fault, Told

FILES = Path(__file__).parents[1] / "contract" / "openapi"
PATIENCE_S = 30.0


def published() -> list[Any]:
    return [yaml.safe_load(file.read_text()) for file in sorted(FILES.glob("*.yml"))]


def operation_ids() -> Iterator[str]:
    for document in published():
        for methods in document["paths"].values():
            yield from (operation["operationId"] for operation in methods.values())


class Heard(NamedTuple):
    status: int
    body: Any


class Walker:
    """Calls a server below `url` + `/api`, and remembers what its documents do not say."""

    def __init__(self, url: str, own: Told | None) -> None:
        self._url = url
        self._own = own
        self._files = [Told(each, below="/api", closed=False) for each in published()]
        self.called: dict[str, set[int]] = {}
        self.faults: set[Fault] = set()
        self.own_faults: list[Fault] = []

    def get(self, path: str, **query: Any) -> Heard:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any = None, **query: Any) -> Heard:
        return self.call("POST", path, body, **query)

    def put(self, path: str, body: Any = None, **query: Any) -> Heard:
        return self.call("PUT", path, body, **query)

    def delete(self, path: str, **query: Any) -> Heard:
        return self.call("DELETE", path, **query)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Heard:
        given = f"?{urlencode(query, doseq=True)}" if query else ""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/api{path}{given}", data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                status, headers, raw = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                status, headers, raw = refused.code, refused.headers, refused.read()
        self._held(method, urlsplit(request.full_url).path, status, dict(headers), raw)
        is_json = headers.get("Content-Type", "").startswith("application/json")
        return Heard(status, json.loads(raw) if is_json else raw.decode())

    def until(self, made: Callable[[], Any]) -> Any:
        """The first answer that is something."""
        end = time.monotonic() + PATIENCE_S
        while not (found := made()):
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.05)
        return found

    def _held(
        self, method: str, path: str, status: int, headers: dict[str, str], raw: bytes
    ) -> None:
        lowered = {name.lower(): value for name, value in headers.items()}
        for file in self._files:
            found = file.operation(method, path)
            if found is not None:
                self.called.setdefault(found[1]["operationId"], set()).add(status)
                self.faults |= set(file.faults(method, path, status, lowered, raw))
        if self._own is not None:
            self.own_faults += self._own.faults(method, path, status, lowered, raw)


def walk(walker: Walker, prefix: str) -> None:
    """Every operation at least once, in an order that makes sense."""
    work, flow = f"{prefix}_charge", f"{prefix}_order"
    _task_definitions(walker, work)
    _workflow_definitions(walker, flow, work)
    _event_handlers(walker, prefix, flow)
    _one_execution(walker, flow, work)
    _other_executions(walker, flow, work)
    _server(walker, flow, work)
    walker.delete(f"/metadata/taskdefs/{work}")
    walker.delete(f"/metadata/workflow/{flow}", version=1)
    walker.delete(f"/metadata/workflow/{flow}", version=99)


def _task_definitions(walker: Walker, work: str) -> None:
    definition = {
        "name": work,
        "description": "Charges a card",
        "ownerEmail": "payments@example.com",
        "retryCount": 0,
        "timeoutSeconds": 600,
        "responseTimeoutSeconds": 60,
        "inputKeys": ["amount"],
        "outputKeys": ["receipt"],
        "inputTemplate": {"currency": "EUR"},
    }
    walker.post("/metadata/taskdefs", [definition])
    walker.post("/metadata/taskdefs", [{**definition, "name": "", "responseTimeoutSeconds": 0}])
    walker.put("/metadata/taskdefs", {**definition, "description": "Charges a credit card"})
    walker.get("/metadata/taskdefs")
    assert walker.get(f"/metadata/taskdefs/{work}").body["description"] == "Charges a credit card"
    assert walker.get(f"/metadata/taskdefs/{work}_unknown").status == 404
    walker.delete(f"/metadata/taskdefs/{work}_unknown")


def _workflow_definitions(walker: Walker, flow: str, work: str) -> None:
    steps = [
        {
            "name": work,
            "taskReferenceName": ref,
            "inputParameters": {"amount": "${workflow.input.amount}"},
        }
        for ref in ("first", "second")
    ]
    shape = {
        "name": "shape",
        "taskReferenceName": "shape",
        "type": "JSON_JQ_TRANSFORM",
        "inputParameters": {"given": "${first.output}", "queryExpression": ".given | keys"},
    }
    definition = {
        "name": flow,
        "version": 1,
        "description": "An order",
        "ownerEmail": "orders@example.com",
        "tasks": [steps[0], shape, steps[1]],
        "inputParameters": ["amount"],
        "outputParameters": {"receipt": "${second.output.receipt}"},
        "timeoutSeconds": 3600,
        "timeoutPolicy": "TIME_OUT_WF",
        "restartable": True,
    }
    assert walker.post("/metadata/workflow", definition).status == 200
    assert walker.post("/metadata/workflow", definition).status == 409
    walker.post("/metadata/workflow", {**definition, "name": "", "tasks": []})
    walker.put("/metadata/workflow", [{**definition, "description": "An order, again"}])
    walker.get("/metadata/workflow")
    assert walker.get(f"/metadata/workflow/{flow}", version=1).body["version"] == 1
    assert walker.get(f"/metadata/workflow/{flow}_unknown").status == 404


def _event_handlers(walker: Walker, prefix: str, flow: str) -> None:
    name, event = f"{prefix}_orders", f"conductor:{flow}:orders"
    handler = {
        "name": name,
        "event": event,
        "actions": [{"action": "start_workflow", "start_workflow": {"name": flow}}],
        "active": False,
    }
    assert walker.post("/event", handler).status == 200
    walker.post("/event", {"name": name})
    assert walker.put("/event", {**handler, "condition": "true"}).status == 200
    walker.get("/event")
    found = walker.get(f"/event/{event}", activeOnly="false").body
    assert [one["condition"] for one in found] == ["true"]
    walker.delete(f"/event/{name}")
    walker.delete(f"/event/{name}")


def _take(walker: Walker, work: str) -> Any:
    """A task by the one way of taking it or by the other."""
    found = walker.get(f"/tasks/poll/{work}", workerid="w1")
    assert found.status in {200, 204}
    if found.status == 200:
        return found.body
    many = walker.get(f"/tasks/poll/batch/{work}", workerid="w1", count=1, timeout=1000).body
    return many[0] if many else None


def _report(walker: Walker, task: Any, status: str, **fields: Any) -> Heard:
    mine = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
    return walker.post("/tasks", {**mine, "status": status, "workerId": "w1", **fields})


def _one_execution(walker: Walker, flow: str, work: str) -> None:
    start = {"name": flow, "version": 1, "correlationId": "customer-7", "input": {"amount": 1250}}
    key = walker.post("/workflow", start).body
    assert walker.post("/workflow", {**start, "name": f"{flow}_unknown"}).status == 404
    task = walker.until(lambda: _take(walker, work))
    walker.get(f"/tasks/poll/{work}", workerid="w1")
    walker.get(f"/tasks/poll/batch/{work}", workerid="w1", count=5, timeout=100)
    assert walker.get(f"/tasks/{task['taskId']}").body["status"] == "IN_PROGRESS"
    walker.get("/tasks/00000000-0000-0000-0000-000000000000")
    walker.post(f"/tasks/{task['taskId']}/ack")
    walker.get(f"/tasks/{task['taskId']}/log")
    walker.post(f"/tasks/{task['taskId']}/log", "asked the bank")
    walker.until(lambda: walker.get(f"/tasks/{task['taskId']}/log").body)
    walker.get("/tasks/queue/sizes", taskType=work)
    _report(walker, task, "COMPLETED", outputData={"receipt": "r-1", "lines": [1, None, "x"]})
    walker.post("/tasks", {"status": "COMPLETED"})
    second = walker.until(lambda: _take(walker, work))
    assert walker.get(f"/workflow/{key}").body["status"] == "RUNNING"
    walker.get(f"/workflow/{key}", includeTasks="false")
    walker.get(f"/workflow/running/{flow}", version=1)
    _report(walker, second, "FAILED", reasonForIncompletion="the bank is shut")
    walker.until(lambda: walker.get(f"/workflow/{key}").body["status"] == "FAILED")
    assert walker.post(f"/workflow/{key}/retry").status == 204
    third = walker.until(lambda: _take(walker, work))
    _report(walker, third, "COMPLETED", outputData={"receipt": "r-2"})
    walker.until(lambda: walker.get(f"/workflow/{key}").body["status"] == "COMPLETED")
    assert walker.post(f"/workflow/{key}/restart", useLatestDefinitions="true").status == 204
    query = {"query": f"workflowType={flow}", "size": 10, "sort": "startTime:DESC"}
    walker.until(lambda: walker.get("/workflow/search", **query).body["results"])
    tasks = {"query": f"taskType={work}", "size": 10}
    walker.until(lambda: walker.get("/tasks/search", **tasks).body["results"])
    walker.delete(f"/workflow/{key}/terminate", reason="enough")


def _other_executions(walker: Walker, flow: str, work: str) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    key = walker.post("/workflow", {"name": flow, "input": {"amount": 1}}).body
    assert walker.put(f"/workflow/{key}/pause").status == 200
    walker.get(f"/workflow/{key}")
    assert walker.put(f"/workflow/{key}/resume").status == 200
    walker.put(f"/workflow/{key}/skiptask/second", {"taskOutput": {"receipt": "none"}})
    assert walker.delete(f"/workflow/{key}", archiveWorkflow="true").status in {200, 204}
    walker.get(f"/workflow/{key}")
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("DELETE", "/terminate"),
        ("PUT", "/pause"),
        ("PUT", "/resume"),
        ("PUT", "/skiptask/second"),
        ("POST", "/restart"),
        ("POST", "/retry"),
    ):
        walker.call(method, f"/workflow/{nobody}{path}")
    del work


def _server(walker: Walker, flow: str, work: str) -> None:
    key = walker.post("/workflow", {"name": flow, "input": {"amount": 1}}).body
    walker.get("/admin/config")
    walker.until(lambda: walker.get(f"/admin/task/{work}").body)
    walker.post(f"/admin/sweep/requeue/{key}")
    walker.get("/health")
    walker.delete(f"/workflow/{key}")
