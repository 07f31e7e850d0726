"""The examples of pages that only a whole decider can run do what the pages say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from firmus.workflow.state import TaskState, base_ref
from firmus_contracts.bodies import decode_workflow_def
from tests.definitions_run.driver import Driver, Say

PAGES = Path(__file__).parents[2] / "docs" / "definitions"
EXAMPLE = re.compile(r"^<!-- example: ([^\n]*) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = ("for-each", "try-catch", "secrets")
EXAMPLES = [
    pytest.param(json.loads(told), text.encode(), id=name)
    for name in NAMES
    for told, text in EXAMPLE.findall((PAGES / f"{name}.md").read_text(encoding="utf-8"))
]


def test_each_page_has_an_example() -> None:
    assert [param.id for param in EXAMPLES] == list(NAMES)


@pytest.mark.parametrize(("told", "text"), EXAMPLES)
async def test_the_example_of_a_page_runs(told: dict[str, Any], text: bytes) -> None:
    fails = told.get("fails", {})

    def say(row: TaskState) -> Say:
        ref = base_ref(row.made)
        return ("FAILED", {}, fails[ref]) if ref in fails else (
            "COMPLETED", told["answers"].get(ref, {}), None
        )  # fmt: skip

    driver = Driver()
    try:
        definition = decode_workflow_def(text)
        await driver.register(definition)
        ended = await driver.run(definition.name, told["input"], say)
    finally:
        await driver.close()
    assert (ended.status, ended.output) == ("COMPLETED", told["output"])
