"""Large payloads through a whole system, the way the official clients hand them in (spec 1.10)."""

import json
import urllib.request
import uuid
from typing import Any

import pytest

from firmus.console.outcome import CommandError
from firmus.console.rest import RestClient
from tests.e2e.processes import until
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

LARGE = {"text": "ü" * ((5 << 20) - 200), "n": 1.5, "none": None}
"""Just below 10 MiB in bytes."""
OVER = {"text": "x" * (10 << 20)}


class Payloads:
    """Conductor's storage of payloads as a client sees it, and one workflow of its own."""

    def __init__(self, system: System) -> None:
        self.api, self.client = system.api, RestClient(system.url)
        self.name = f"large_{uuid.uuid4().hex[:8]}"

    def register(self, **fields: Any) -> None:
        inputs = {"given": "${workflow.input}"}
        task = {"name": self.name, "taskReferenceName": "a", "inputParameters": inputs}
        definition = {"name": self.name, "ownerEmail": "a@example.com", "tasks": [task], **fields}
        self.client.register_workflow(definition)

    def call(self, method: str, url: str, body: Any = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = urllib.request.Request(url, method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return json.loads(text) if text[:1] in (b"{", b"[") else text.decode()

    def location(self, operation: str, kind: str, path: str = "") -> dict[str, str]:
        query = f"operation={operation}&payloadType={kind}&path={path}"
        found: dict[str, str] = self.call(
            "GET", f"{self.api}/tasks/externalstoragelocation?{query}"
        )
        return found

    def upload(self, kind: str, value: Any) -> str:
        """The bytes go out without a word on what they are, as from a plain HTTP client."""
        place = self.location("WRITE", kind)
        self.call("PUT", place["uri"], value)
        return place["path"]

    def download(self, kind: str, path: str) -> Any:
        return self.call("GET", self.location("READ", kind, path)["uri"])

    def polled(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def came() -> bool:
            url = f"{self.api}/tasks/poll/batch/{self.name}?timeout=1000&workerid=w"
            found.extend(self.call("GET", url))
            return bool(found)

        until("the task", came)
        return found[0]

    def report(self, task: dict[str, Any], **fields: Any) -> None:
        where = {key: task[key] for key in ("workflowInstanceId", "taskId")}
        body = {"status": "COMPLETED", **where, **fields}
        self.call("POST", f"{self.api}/tasks", body, **{"Content-Type": "application/json"})


@pytest.fixture
def payloads(shared: System) -> Payloads:
    return Payloads(shared)


def test_what_was_uploaded_goes_through_a_worker_and_comes_back_unchanged(
    payloads: Payloads,
) -> None:
    payloads.register()
    path = payloads.upload("WORKFLOW_INPUT", LARGE)
    request = {"name": payloads.name, "externalInputPayloadStoragePath": path}
    workflow_id = payloads.client.start(request)

    task = payloads.polled()
    assert task["inputData"] == {}
    given = payloads.download("TASK_INPUT", task["externalInputPayloadStoragePath"])
    assert given == {"given": LARGE}
    output = payloads.upload("TASK_OUTPUT", LARGE)
    payloads.report(task, externalOutputPayloadStoragePath=output)

    ended = payloads.client.workflow(workflow_id)
    assert (ended["status"], ended["output"]) == ("COMPLETED", {})
    back = payloads.download("WORKFLOW_OUTPUT", ended["externalOutputPayloadStoragePath"])
    assert back == LARGE


def test_an_output_in_the_report_itself_comes_back_unchanged(payloads: Payloads) -> None:
    payloads.register()
    workflow_id = payloads.client.start({"name": payloads.name})
    payloads.report(payloads.polled(), outputData=LARGE)

    ended = payloads.client.workflow(workflow_id)
    path = ended["tasks"][0]["externalOutputPayloadStoragePath"]
    assert payloads.download("TASK_OUTPUT", path) == LARGE


@pytest.mark.parametrize("by_path", [True, False])
def test_an_output_over_the_limit_fails_its_task_and_holds_up_nothing(
    payloads: Payloads, by_path: bool
) -> None:
    payloads.register()
    first, second = (payloads.client.start({"name": payloads.name}) for _ in range(2))
    tasks = {task["workflowInstanceId"]: task for task in (payloads.polled(), payloads.polled())}
    if by_path:
        path = payloads.upload("TASK_OUTPUT", OVER)
        payloads.report(tasks[first], externalOutputPayloadStoragePath=path)
    else:
        payloads.report(tasks[first], outputData=OVER)
    payloads.report(tasks[second], outputData={"n": 1})

    failed, other = (payloads.client.workflow(one) for one in (first, second))
    assert (failed["status"], other["status"]) == ("FAILED", "COMPLETED")
    assert failed["tasks"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "greater than the permissible limit: 10485760 bytes" in failed["reasonForIncompletion"]


def test_a_definition_may_set_a_lower_limit(payloads: Payloads) -> None:
    payloads.register(metadata={"payloadLimitKb": 1})
    workflow_id = payloads.client.start({"name": payloads.name})
    payloads.report(payloads.polled(), outputData={"text": "x" * 1024})

    assert "limit: 1024 bytes" in payloads.client.workflow(workflow_id)["reasonForIncompletion"]


@pytest.mark.parametrize("path", ["workflow/input/nothing.json", "elsewhere"])
def test_a_start_that_names_nothing_is_refused(payloads: Payloads, path: str) -> None:
    payloads.register()
    with pytest.raises(CommandError, match="no payload is stored at"):
        payloads.client.start({"name": payloads.name, "externalInputPayloadStoragePath": path})
