"""Every operation of the published OpenAPI files against a running firmus."""

from pathlib import Path

import pytest

from tests.e2e.published import Walker, operation_ids, walk
from tests.e2e.system import running_up
from tests.gateway.told import ours

pytestmark = [pytest.mark.e2e, pytest.mark.nats]
DIFFERENT = {
    ("POST /api/workflow", "text/plain for 200"),
    ("POST /api/tasks", "text/plain for 200"),
    ("DELETE /api/workflow/{workflowId}", "status 200"),
    ("DELETE /api/event/{name}", "status 200"),
    ("DELETE /api/metadata/taskdefs/{taskType}", "status 200"),
    ("GET /api/tasks/{taskId}/log", "status 204"),
    ("GET /api/admin/task/{taskType}", "200 at /"),
}
"""Where Conductor itself does otherwise, and so do we: the same walk on Conductor 3.32.3 finds
these, and a few more that are its mistakes.
"""


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walker:
    """All definitions are listed, so the system is one of its own."""
    with running_up(tmp_path_factory.mktemp("published")) as system:
        walker = Walker(system.url, ours())
        walk(walker, "published")
    return walker


def test_every_published_operation_is_answered(walked: Walker) -> None:
    ids = list(operation_ids())
    assert len(ids) == 39
    assert walked.called.keys() == set(ids)
    assert {name for name, seen in walked.called.items() if not seen & {200, 204}} == set()


def test_answers_are_as_published_but_where_conductor_does_otherwise(walked: Walker) -> None:
    assert {(fault.operation, fault.what) for fault in walked.faults} == DIFFERENT


def test_answers_are_as_our_own_document_says(walked: Walker) -> None:
    assert walked.own_faults == []


def test_users_are_told_of_each_difference() -> None:
    told = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
    table = told.partition("## Where the published")[2].partition("\n## ")[0]
    rows = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert rows == {operation for operation, _ in DIFFERENT}
