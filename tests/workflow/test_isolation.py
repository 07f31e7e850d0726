"""Queues of isolation groups and execution namespaces (spec 4.11)."""

import pytest

from firmus.workflow.isolation import isolated_queue, shown, type_of_queue
from firmus_contracts.definitions import TaskDef


def task_def(group: str | None = None, namespace: str | None = None) -> TaskDef:
    return TaskDef(name="t", isolation_group_id=group, execution_name_space=namespace)


@pytest.mark.parametrize(
    ("task_type", "given", "queue"),
    [
        ("HTTP", task_def(), None),
        ("HTTP", None, None),
        ("HTTP", task_def("grp"), "HTTP-grp"),
        ("HTTP", task_def(namespace="ns"), "HTTP@ns"),
        ("KAFKA_PUBLISH", task_def("grp", "ns"), "KAFKA_PUBLISH@ns-grp"),
        ("HTTP", task_def("", ""), None),
        ("my_work", task_def("grp", "ns"), None),
        ("EVENT", task_def("grp", "ns"), None),
    ],
)
def test_the_queue_of_a_task(task_type: str, given: TaskDef | None, queue: str | None) -> None:
    assert isolated_queue(task_type, given) == queue


@pytest.mark.parametrize(
    ("queue", "namespace", "task_type"),
    [
        ("HTTP-grp", None, "HTTP"),
        ("HTTP_POLL-grp", None, "HTTP_POLL"),
        ("HTTP", None, None),
        ("HTTP@ns-grp", None, None),
        ("HTTP@ns-grp", "ns", "HTTP"),
        ("HTTP-grp", "ns", None),
        ("my_work-grp", None, None),
    ],
)
def test_whose_queue_it_is(queue: str, namespace: str | None, task_type: str | None) -> None:
    assert type_of_queue(queue, namespace) == task_type


@pytest.mark.parametrize(
    ("task_type", "seen"),
    [
        ("HTTP", ("grp", "ns")),
        ("INLINE", ("grp", None)),
        ("WAIT", ("grp", None)),
        ("my_work", (None, None)),
    ],
)
def test_what_a_row_shows(task_type: str, seen: tuple[str | None, str | None]) -> None:
    assert shown(task_type, task_def("grp", "ns")) == seen
