"""What makes a FOR_EACH or TRY_CATCH invalid, and that all inside of them is looked at."""

import json
from typing import Any

import pytest
from tests.definitions.test_registration_checks import OUTSIDE, A, B, messages, needs, task

from firmus.definitions import checks
from firmus.definitions.unsupported import workflow_unsupported
from firmus_contracts.bodies import convert_workflow_def

EACH = task("FOR_EACH", inputParameters={"items": "${workflow.input.list}"}, loopOver=[A])
TRY = task("TRY_CATCH", tryTasks=[A], finallyTasks=[B])


def each(**inputs: Any) -> dict[str, Any]:
    return {**EACH, "inputParameters": {"items": [1], **inputs}}


def of(words: str, kind: str) -> str:
    return f"{words} for taskType: {kind} taskName: t"


BAD: list[tuple[dict[str, Any], str]] = [
    (task("FOR_EACH", loopOver=[A]), needs("items or inputParameters.items", "FOR_EACH")),
    ({**EACH, "loopOver": []}, needs("loopOver", "FOR_EACH")),
    (each(items={"a": 1}), of("inputParameters.items is not a list", "FOR_EACH")),
    *(
        (each(parallel=n), of("inputParameters.parallel is not a number from 1", "FOR_EACH"))
        for n in (0, -1, "0", "many", True, None, 1.5)
    ),
    (task("TRY_CATCH", finallyTasks=[B]), needs("tryTasks", "TRY_CATCH")),
    (task("TRY_CATCH", tryTasks=[A]), needs("catchHandlers or finallyTasks", "TRY_CATCH")),
    (
        {**TRY, "catchHandlers": [{"status": ["BROKEN"]}]},
        of("catchHandlers[0].status has no failure BROKEN", "TRY_CATCH"),
    ),
    (task("SIMPLE", tryTasks=[A]), of("tryTasks belongs to TRY_CATCH, not here", "SIMPLE")),
    (
        task("SIMPLE", catchHandlers=[{}]),
        of("catchHandlers belongs to TRY_CATCH, not here", "SIMPLE"),
    ),
    (task("SIMPLE", finallyTasks=[A]), of("finallyTasks belongs to TRY_CATCH, not here", "SIMPLE")),
]


@pytest.mark.parametrize(("bad", "expected"), BAD)
def test_a_bad_one_is_told(bad: dict[str, Any], expected: str) -> None:
    assert messages(bad) == [expected]


@pytest.mark.parametrize(
    "good",
    [
        EACH,
        each(parallel=3),
        each(parallel="${workflow.input.n}"),
        {**EACH, "inputParameters": {}, "items": "${workflow.input.list}"},
        TRY,
        task("TRY_CATCH", tryTasks=[A], catchHandlers=[{}]),
        {**TRY, "catchHandlers": [{"reason": "^a|b$", "status": ["TIMED_OUT"], "tasks": []}]},
    ],
)
def test_a_good_one_passes(good: dict[str, Any]) -> None:
    assert messages(good) == []


def test_a_pattern_that_cannot_be_read_is_told_with_its_place() -> None:
    (fault,) = messages({**TRY, "catchHandlers": [{}, {"reason": "("}]})
    assert fault.startswith("catchHandlers[1].reason is not a pattern: ")


HTTP = task("HTTP", "h")
PLACES = [
    ({**EACH, "loopOver": [A, HTTP]}, "loopOver[1]"),
    (task("TRY_CATCH", tryTasks=[A, HTTP], finallyTasks=[B]), "tryTasks[1]"),
    (task("TRY_CATCH", tryTasks=[A], finallyTasks=[HTTP]), "finallyTasks[0]"),
    (task("TRY_CATCH", tryTasks=[A], catchHandlers=[{}, {"tasks": [HTTP]}]),
     "catchHandlers[1].tasks[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "place"), PLACES)
def test_what_is_inside_is_checked_too(outer: dict[str, Any], place: str) -> None:
    definition = convert_workflow_def({"name": "w", "tasks": [outer]})
    (fault,) = checks.workflow_errors(definition, OUTSIDE)
    assert fault.path == f"tasks[0].{place}.inputParameters"


@pytest.mark.parametrize(("outer", "place"), PLACES)
def test_what_is_not_supported_is_found_inside_too(outer: dict[str, Any], place: str) -> None:
    text = json.dumps({"name": "w", "tasks": [outer]})
    given = json.loads(text.replace('"HTTP"', '"EVENT", "sink": "sqs:q"'))
    (fault,) = workflow_unsupported(convert_workflow_def(given))
    assert fault.path == f"tasks[0].{place}.sink"


def test_references_are_unique_over_all_lists_of_a_block() -> None:
    (fault,) = messages(task("TRY_CATCH", tryTasks=[A], catchHandlers=[{"tasks": [A]}]))
    assert fault.startswith("taskReferenceName: a should be unique")
