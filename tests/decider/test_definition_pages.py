"""The examples of single pages are accepted as they stand, and end as their comments say."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmus.definitions.checks import workflow_errors
from firmus.definitions.task_checks import Outside
from firmus.definitions.unsupported import workflow_unsupported
from firmus.workflow.rest_view import workflow_view
from firmus_contracts.definitions import WorkflowDef
from tests.flow import START_MS, Flow

NAMES = ("schemas", "cache", "masking", "state-change", "limits", "routing")
PAGES = Path(__file__).parents[2] / "docs" / "definitions"
EXAMPLE = re.compile(r"^<!-- example: ([^\n]*) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (page.stem, msgspec.json.decode(given), msgspec.json.decode(definition))
    for page in (PAGES / f"{name}.md" for name in NAMES)
    for given, definition in EXAMPLE.findall(page.read_text(encoding="utf-8"))
]
OUTSIDE = Outside(script_error=lambda _: None, compiles=lambda _: True, task_def=lambda _: None)


def ended(flow: Flow, answers: dict[str, Any]) -> None:
    """Answers what waits for a worker, and lets the time of a WAIT pass."""
    while flow.status == "RUNNING":
        for row in flow.state.rows():
            if row.made.task_type == "WAIT" and not row.status.terminal:
                flow.clock.advance(1_000)
                flow.fire(row.ref)
            elif row.status == "SCHEDULED":
                flow.begin(row.ref)
                flow.update(row.ref, output=answers.pop(row.ref))


@pytest.mark.parametrize(("page", "given", "definition"), EXAMPLES, ids=lambda it: str(it)[:20])
def test_an_example_may_be_registered_and_shows_what_it_promises(
    page: str, given: dict[str, Any], definition: dict[str, Any]
) -> None:
    read = msgspec.convert(definition, WorkflowDef)
    assert [*workflow_errors(read, OUTSIDE), *workflow_unsupported(read)] == []
    flow = Flow(*definition.pop("tasks"), **definition)
    flow.start(given["input"])
    answers = dict(given["answers"])
    ended(flow, answers)

    view = workflow_view(flow.state, flow.blueprint, now_ms=START_MS, include_tasks=False)
    assert (flow.status, view.output, answers) == ("COMPLETED", given["output"], {})


def test_every_page_has_an_example() -> None:
    assert {page for page, _, _ in EXAMPLES} == set(NAMES)
