"""docs/definitions.md tells what is supported and what is refused, and its examples run."""

import re
import time
from typing import Any

import msgspec
import pytest

from firmus.console.outcome import CommandError
from firmus.console.rest import RestClient
from firmus.decider.decide import decide
from firmus.decider.operators import ai_task
from firmus.decider.operators.registry import OPERATORS
from firmus.definitions.unsupported import TASK_RULES
from firmus_contracts.statuses import WorkflowStatus
from tests.architecture.sources import ROOT
from tests.e2e.system import System

PAGE = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
SUPPORTED, REFUSED = PAGE.split("\n## Refused\n")
EXAMPLE = re.compile(r"^<!-- example: ([^\n]*) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AI = frozenset(ai_task.TYPES)
OUTSIDE = frozenset({"KAFKA_PUBLISH"})
"""It needs somebody to answer; the system worker's own tests bring one."""

ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
WITHIN_S = 30.0


class Example(msgspec.Struct):
    """`answers`: outputs by reference, for tasks that somebody else completes."""

    input: dict[str, Any]
    output: dict[str, Any]
    answers: dict[str, dict[str, Any]] = {}


EXAMPLES = [
    (msgspec.json.decode(given, type=Example), msgspec.json.decode(definition))
    for given, definition in EXAMPLE.findall(PAGE)
]


def types_in(value: Any) -> set[str]:
    """Every task type in a definition or an input."""
    if isinstance(value, list):
        return set().union(*map(types_in, value))
    if not isinstance(value, dict):
        return set()
    own = {value["type"]} if isinstance(value.get("type"), str) else set()
    return own.union(*map(types_in, value.values()))


def name_of(given: object) -> str:
    return given["name"] if isinstance(given, dict) else "with"


def test_every_operator_has_its_row() -> None:
    assert callable(decide), "importing it fills the table of operators"
    assert sorted(ROW.findall(SUPPORTED)) == sorted(set(OPERATORS) - AI)
    assert set(CODE.findall(SUPPORTED)) >= AI


def test_every_operator_has_an_example() -> None:
    assert len(EXAMPLES) == PAGE.count("<!-- example:")
    used = set().union(*(types_in(definition) for _, definition in EXAMPLES))
    assert set(OPERATORS) - used == AI | OUTSIDE


def test_everything_refused_is_named() -> None:
    named = set(CODE.findall(REFUSED))
    fields = {rule.field for rule in TASK_RULES}
    assert {name for name in named if name in OPERATORS or name in AI} == set()
    assert fields - named == set()


@pytest.mark.e2e
@pytest.mark.nats
@pytest.mark.parametrize(("example", "definition"), EXAMPLES, ids=name_of)
def test_the_examples_run(shared: System, example: Example, definition: dict[str, Any]) -> None:
    rest = RestClient(shared.url)
    text = msgspec.json.encode(definition).decode()
    rest.register_workflow(msgspec.json.decode(text.replace("http://127.0.0.1:8080", shared.url)))
    workflow_id = rest.start({"name": definition["name"], "input": example.input})
    workflow = ended(rest, workflow_id, dict(example.answers))
    assert workflow["status"] == "COMPLETED"
    assert workflow["output"] == example.output


def ended(rest: RestClient, workflow_id: str, answers: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        workflow = rest.workflow(workflow_id)
        if WorkflowStatus(workflow["status"]).terminal:
            return workflow
        for task in workflow["tasks"]:
            ref = task["referenceTaskName"]
            if ref in answers and task["status"] in {"SCHEDULED", "IN_PROGRESS"}:
                rest._call("POST", f"/api/tasks/{workflow_id}/{ref}/COMPLETED", answers.pop(ref))
        time.sleep(0.02)
    raise AssertionError(f"{workflow_id} did not end")


@pytest.mark.e2e
@pytest.mark.nats
def test_what_is_refused_is_refused_by_name(shared: System) -> None:
    task = {"name": "t", "taskReferenceName": "t", "type": "EVENT", "sink": "sqs:orders"}
    definition = {"name": "doc_refused", "version": 1, "schemaVersion": 2, "tasks": [task]}
    with pytest.raises(CommandError, match=r"sink: not supported by firmus"):
        RestClient(shared.url).register_workflow(definition)
