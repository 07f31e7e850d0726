"""Tags of definitions: what each change makes of them, and what is no tag."""

import pytest

from firmus.definitions import aggregate as aggregates
from firmus.definitions.aggregate import EMPTY, Aggregate, evolve
from firmus.definitions.tags import TAGS_MAX, each_with_name, names_with, retag
from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag

A, B, C = (Tag(key="team", value=value, type="METADATA") for value in "abc")


def registered(*versions: int) -> Aggregate:
    found = EMPTY
    for version in versions:
        definition = WorkflowDef(name="w", version=version)
        found = evolve(found, aggregates.put_workflow(found, definition, overwrite=False, now_ms=1))
    return found


def tagged(found: Aggregate, change: str, *tags: Tag) -> Aggregate:
    event = retag(found, "workflow", "w", change, list(tags), now_ms=2)
    return found if event is None else evolve(found, event)


@pytest.mark.parametrize(
    ("change", "given", "then"),
    [
        ("add", (B, C), (A, B, C)),
        ("add", (Tag(key="team", value="c"),), (A, B, C)),
        ("set", (C,), (C,)),
        ("set", (C, C), (C,)),
        ("set", (), ()),
        ("remove", (A,), (B,)),
        ("remove", (Tag(key="team", value="a", type="OTHER"), C), (B,)),
    ],
)
def test_a_change_of_tags(change: str, given: tuple[Tag, ...], then: tuple[Tag, ...]) -> None:
    assert tagged(tagged(registered(1), "set", A, B), change, *given).tags == then


@pytest.mark.parametrize(("change", "given"), [("add", A), ("set", A), ("remove", B)])
def test_what_changes_nothing_is_no_event(change: str, given: Tag) -> None:
    found = tagged(registered(1), "add", A)
    assert retag(found, "workflow", "w", change, [given], now_ms=3) is None


def test_tags_belong_to_the_name_and_go_with_its_last_version() -> None:
    found = tagged(registered(1, 2), "add", A)
    for version, tags in ((1, (A,)), (2, ())):
        gone = aggregates.delete_workflow(found, "w", version, now_ms=3)
        found = evolve(found, gone)
        assert found.tags == tags
    again = aggregates.put_workflow(found, WorkflowDef(name="w"), overwrite=False, now_ms=4)
    assert evolve(found, again).tags == ()


def test_a_task_definition_takes_its_tags_along() -> None:
    put = aggregates.put_task(EMPTY, TaskDef(name="t"), must_exist=False, now_ms=1)
    found = evolve(EMPTY, put)
    found = evolve(found, retag(found, "task", "t", "add", [A], now_ms=2))
    assert found.tags == (A,)
    again = aggregates.put_task(found, TaskDef(name="t"), must_exist=True, now_ms=3)
    assert evolve(found, again).tags == (A,)
    assert evolve(found, aggregates.delete_task(found, "t", now_ms=3)).tags == ()


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (Tag(value="a"), "INVALID"),
        (Tag(key=" ", value="a"), "INVALID"),
        (Tag(key="k", value=""), "INVALID"),
        (Tag(key="k", value="v" * 256), "INVALID"),
        (Tag(key="w", value="5", type="RATE_LIMIT"), "NOT_IMPLEMENTED"),
    ],
)
def test_what_is_no_tag_is_refused(tag: Tag, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        tagged(registered(1), "add", tag)
    assert refused.value.code == code


def test_so_many_tags_and_no_more() -> None:
    many = [Tag(key="k", value=str(number)) for number in range(TAGS_MAX + 1)]
    assert len(tagged(registered(1), "add", *many[:-1]).tags) == TAGS_MAX
    with pytest.raises(Refusal):
        tagged(registered(1), "add", *many)


def test_nothing_that_is_not_registered_has_tags() -> None:
    with pytest.raises(Refusal) as refused:
        tagged(EMPTY, "add", A)
    assert refused.value.code == "NOT_FOUND"


def test_names_are_found_by_key_and_value_of_one_tag() -> None:
    other = Tag(key="tier", value="b", type="METADATA")
    named = [("workflow-w", tagged(registered(1), "add", A, other)), ("task-t", registered(1))]
    assert names_with(named, "workflow", "team", "a") == {"w"}
    assert names_with(named, "workflow", None, "b") == {"w"}
    assert names_with(named, "workflow", "team", "b") == set()
    assert names_with(named, "task", None, None) == set()
    assert each_with_name(named) == [("w", A), ("w", other)]
