"""The cache of task outputs: when it is asked, what it spares, what it keeps."""

import pytest

from firmus.broker.cache import MemoryCache
from firmus.clock import FixedClock
from firmus.ports import Cached
from firmus.workflow.blueprint import Blueprint
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from tests.flow import START_MS, WORKFLOW, Flow, op, simple, task_def

CONFIG = {"key": "${workflow.input.city}", "ttlInSecond": 60}


def quote(ref: str = "a", **fields) -> dict:
    task = {"cacheConfig": CONFIG, "inputParameters": {"city": "${workflow.input.city}"}, **fields}
    return {**simple(ref, **task), "name": "quote"}


def filled(*tasks: dict, **fields) -> dict[str, Cached]:
    """The cache after one run, with Oslo as its input."""
    flow = Flow(*(tasks or (quote(),)), **fields)
    flow.start({"city": "Oslo"})
    flow.begin("a")
    flow.update("a", output={"cents": 5})
    return flow.cache


def again(cache: dict[str, Cached], *tasks: dict, city: str = "Oslo", **fields) -> Flow:
    flow = Flow(*(tasks or (quote(),)), **fields)
    flow.cache = dict(cache)
    flow.start({"city": city})
    return flow


def test_a_completed_output_is_kept_under_its_key_with_its_task() -> None:
    ((key, entry),) = filled().items()

    assert key.startswith("flow.quote.")
    assert entry.output == {"cents": 5}
    assert entry.task_id.endswith("000001")


def test_a_hit_completes_the_task_at_once_and_says_where_the_output_is_from() -> None:
    cache = filled(quote(), simple("b"))
    flow = again(cache, quote(), simple("b"))

    assert flow.rows() == ["a COMPLETED", "b SCHEDULED"]
    assert flow.row("a").output == {"cents": 5}
    (completed,) = [e for e in flow.commits[0].events if isinstance(e, ev.TaskCompleted)]
    assert completed.cached_from == next(iter(cache.values())).task_id


def test_a_hit_is_not_kept_again_so_that_it_does_not_live_for_ever() -> None:
    flow = again(filled())
    flow_decisions = [e for c in flow.commits for e in c.events if isinstance(e, ev.TaskCompleted)]

    assert len(flow_decisions) == 1
    assert flow.cache == filled()


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        (quote(), {"name": "other_flow"}),
        ({**quote(), "name": "other_task"}, {}),
        (quote(cacheConfig={**CONFIG, "key": "x-${workflow.input.city}"}), {}),
        (quote(cacheConfig=None), {}),
        (quote(cacheConfig={**CONFIG, "ttlInSecond": 0}), {}),
        (quote(cacheConfig={**CONFIG, "key": "${workflow.input.none}"}), {}),
    ],
)
def test_another_definition_task_or_key_is_no_hit(task: dict, fields: dict) -> None:
    assert again(filled(), task, **fields).rows() == ["a SCHEDULED"]


def test_another_value_of_the_key_is_no_hit() -> None:
    assert again(filled(), city="Rome").rows() == ["a SCHEDULED"]


@pytest.mark.parametrize(
    "key", ["${city}", "in-${input.city}", "${workflow.input.city}", "${CPEWF_TASK_ID}"]
)
def test_a_key_sees_the_workflow_and_the_tasks_own_input(key: str) -> None:
    task = quote(cacheConfig={"key": key, "ttlInSecond": 60})

    oslo = again(filled(task), task).row("a").status
    rome = again(filled(task), task, city="Rome").row("a").status
    assert (oslo, rome) == (
        ("COMPLETED", "SCHEDULED") if "city" in key else ("COMPLETED", "COMPLETED")
    )


def test_a_failure_is_not_kept_but_what_its_next_attempt_returns_is() -> None:
    flow = Flow(quote(task_def=task_def("quote", retryCount=1)))
    flow.start({"city": "Oslo"})
    flow.begin("a")
    flow.fail("a")
    assert flow.cache == {}
    flow.begin("a")
    flow.update("a", output={"cents": 7})

    assert [entry.output for entry in flow.cache.values()] == [{"cents": 7}]


def test_all_branches_of_a_fork_are_asked_for_in_one_round() -> None:
    branches = [[quote("a")], [quote("b", cacheConfig={**CONFIG, "key": "b"})], [simple("c")]]
    fork = op("f", "FORK_JOIN", forkTasks=branches)
    join = op("j", "JOIN", joinOn=["a", "b", "c"])
    flow = again(filled(quote()), fork, join)

    assert flow.rows() == [
        "f COMPLETED",
        "a COMPLETED",
        "b SCHEDULED",
        "c SCHEDULED",
        "j IN_PROGRESS",
    ]
    assert flow.rounds == 1


def test_a_cached_output_must_fit_a_schema_that_came_later() -> None:
    shape = {"type": "JSON", "data": {"required": ["euros"]}}
    strict = task_def("quote", enforceSchema=True, outputSchema=shape)
    flow = again(filled(), quote(task_def=strict))

    assert flow.row("a").status == "FAILED_WITH_TERMINAL_ERROR"


async def test_in_memory_an_entry_ends_with_its_time() -> None:
    clock = FixedClock(START_MS)
    cache = MemoryCache(clock)
    entry = Cached(task_id="t", output={"x": 1})
    await cache.put("k", entry, 60)

    clock.advance(59_999)
    assert await cache.get("k") == entry
    clock.advance(1)
    assert await cache.get("k") is None


BY_CITY = {"cacheConfig": CONFIG, "outputParameters": {"cents": "${a.output.cents}"}}


def whole(cache: dict[str, Cached] | None = None, city: str | None = "Oslo", **fields) -> Flow:
    """A workflow that is cached as a whole, started."""
    flow = Flow(simple("a"), **{**BY_CITY, **fields})
    flow.cache = dict(cache or {})
    flow.start({"city": city})
    return flow


def whole_filled(**fields) -> dict[str, Cached]:
    flow = whole(**fields)
    flow.begin("a")
    flow.update("a", output={"cents": 5})
    return flow.cache


def test_the_output_of_a_workflow_is_kept_with_its_id() -> None:
    (entry,) = whole_filled().values()

    assert (entry.task_id, entry.output) == (WORKFLOW, {"cents": 5})


def test_a_workflow_whose_output_is_cached_completes_without_tasks() -> None:
    cache = whole_filled()
    flow = whole(cache)

    assert (flow.status, flow.rows(), flow.output) == ("COMPLETED", [], {"cents": 5})
    (completed,) = flow.commits[0].events[1:]
    assert completed == ev.WorkflowCompleted(output={"cents": 5}, cached_from=WORKFLOW)
    assert flow.cache == cache, "a hit is not kept again"


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"city": "Rome"}, {}),
        ({"city": None}, {}),
        ({}, {"cacheConfig": {**CONFIG, "ttlInSecond": 0}}),
        ({}, {"cacheConfig": None}),
    ],
)
def test_a_workflow_that_asks_something_else_or_nothing_runs(asked: dict, fields: dict) -> None:
    flow = whole(whole_filled(), **asked, **fields)

    assert (flow.status, flow.rows()) == ("RUNNING", ["a SCHEDULED"])


def test_a_changed_definition_finds_nothing_of_the_old_one() -> None:
    flow = Flow(simple("a"), **BY_CITY)
    flow.blueprint = Blueprint(flow.blueprint.definition, "1" * 64)
    flow.cache = whole_filled()
    flow.start({"city": "Oslo"})

    assert flow.rows() == ["a SCHEDULED"]


def test_a_workflow_that_did_not_complete_leaves_nothing() -> None:
    flow = whole()
    flow.fail("a")

    assert (flow.status, flow.cache) == ("FAILED", {})


def test_a_workflow_that_ran_again_with_another_input_leaves_nothing() -> None:
    flow = whole()
    flow.begin("a")
    flow.fail("a")
    flow.send(cmd.RerunWorkflow, workflow_input={"city": "Rome"})
    flow.begin("a")
    flow.update("a", output={"cents": 9})

    assert (flow.status, flow.cache) == ("COMPLETED", {})


def test_a_workflow_that_changed_its_definition_meanwhile_leaves_nothing() -> None:
    flow = whole()
    flow.blueprint = Blueprint(flow.blueprint.definition, "1" * 64)
    flow.begin("a")
    flow.update("a", output={"cents": 9})

    assert (flow.status, flow.cache) == ("COMPLETED", {})
