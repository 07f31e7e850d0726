"""Going on under another version of the definition while the workflow runs."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple, task_def


def upgrade(flow: Flow, *tasks: dict[str, Any], outputs: Any = None, **fields: Any) -> list[str]:
    """Registers version 2 with these tasks, and upgrades to it."""
    asked = {key: fields.pop(key) for key in ("input", "actor", "reason") if key in fields}
    flow.register(2, *tasks, **fields)
    return flow.send(cmd.UpgradeWorkflow, name="flow", version=2, outputs=outputs or {}, **asked)


def started(*tasks: dict[str, Any], **fields: Any) -> Flow:
    flow = Flow(*tasks, **fields)
    flow.start({"a": 1, "b": 1})
    return flow


def why(flow: Flow) -> str:
    assert flow.rejected is not None
    return flow.rejected.message


def test_what_comes_after_goes_by_the_new_version() -> None:
    flow = started(simple("a"), simple("b"))
    assert upgrade(flow, simple("a"), simple("c"), input={"b": 2}, actor="ann") == [
        "workflow.upgraded"
    ]
    flow.update("a")

    assert flow.rows() == ["a COMPLETED", "c SCHEDULED"]
    assert flow.state is not None
    assert (flow.state.definition_version, flow.state.updated_by) == (2, "ann")
    assert (flow.state.input, flow.state.definition_hash) == ({"a": 1, "b": 2}, "2" * 64)


def test_a_task_put_before_one_that_was_reached_is_skipped_with_the_output_given() -> None:
    flow = started(simple("a"), simple("b"))
    flow.update("a")
    seen = simple("c", inputParameters={"n": "${new.output.n}"})
    upgrade(flow, simple("a"), simple("new"), simple("b"), seen, outputs={"new": {"n": 7}})
    flow.update("b")

    assert flow.rows() == ["new SKIPPED", "a COMPLETED", "b COMPLETED", "c SCHEDULED"]
    assert flow.row("c").input == {"n": 7}


def test_a_retry_of_an_open_task_goes_by_the_new_version() -> None:
    once = task_def("a", retryCount=1)
    flow = started(simple("a", task_def=once))
    upgrade(flow, simple("a", task_def=once, inputParameters={"fixed": True}))
    flow.fail("a")

    assert (flow.row("a").made.retry_count, flow.row("a").input) == (1, {"fixed": True})


def fork(*branches: Any, on: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    return op("f", "FORK_JOIN", forkTasks=list(branches)), op("j", "JOIN", joinOn=on)


def loop(*body: Any) -> dict[str, Any]:
    return op("l", "DO_WHILE", loopCondition="false", loopOver=list(body))


def switch(**cases: Any) -> dict[str, Any]:
    return op("s", "SWITCH", {"x": "on"}, evaluatorType="value-param", expression="x",
              decisionCases=cases)  # fmt: skip


DIFFERENCES: list[tuple[str, list[Any], list[Any]]] = [
    ("task a, which was reached, is missing", [simple("a")], [simple("b")]),
    ("another type: SIMPLE became WAIT", [simple("a")], [op("a", "WAIT")]),
    ("another name: a became z", [simple("a")], [simple("a", name="z")]),
    ("another place: at the top became in the body of l", [simple("a")], [loop(simple("a"))]),
    (
        "another number of branches: 1 became 2",
        [*fork([simple("a")], on=["a"])],
        [*fork([simple("a")], [simple("b")], on=["a"])],
    ),
    (
        "another joinOn: ['a'] became ['a', 'b']",
        [*fork([simple("a"), simple("b")], on=["a"])],
        [*fork([simple("a"), simple("b")], on=["a", "b"])],
    ),
    (
        "another inside: ['a'] became ['a', 'b']",
        [loop(simple("a"))],
        [loop(simple("a"), simple("b"))],
    ),
    (
        "another place: in case on of s became in case off of s",
        [switch(on=[simple("a")])],
        [switch(off=[simple("a")])],
    ),
    (
        "another order: ['w', 'a'] became ['a', 'w']",
        [op("w", "NOOP"), simple("a")],
        [simple("a"), op("w", "NOOP")],
    ),
]


@pytest.mark.parametrize(("message", "before", "after"), DIFFERENCES)
def test_an_upgrade_is_refused_with_the_difference(message: str, before: Any, after: Any) -> None:
    flow = started(*before)
    assert upgrade(flow, *after) == []

    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"
    assert message in why(flow)


def test_a_loop_that_is_over_may_have_another_body_than_it_had() -> None:
    flow = started(loop(simple("a")), simple("b"))
    flow.update("a__1")
    upgrade(flow, loop(simple("a"), simple("z")), simple("b"), simple("c"))

    assert flow.rejected is None
    flow.update("b")
    assert flow.rows()[-1] == "c SCHEDULED"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "other", "version": 2}, "INVALID"),
        ({"name": "flow", "version": 9}, "NOT_FOUND"),
        ({"name": "flow", "version": 2, "outputs": {"a": {"n": 1}}}, "INVALID"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], code: str) -> None:
    flow = started(simple("a"))
    flow.register(2, simple("a"), simple("b"))
    flow.send(cmd.UpgradeWorkflow, **fields)

    assert flow.rejected is not None
    assert flow.rejected.code == code


def test_the_input_must_fit_the_new_version() -> None:
    schema = {"name": "s", "version": 1, "type": "JSON",
              "data": {"type": "object", "required": ["c"]}}  # fmt: skip
    flow = started(simple("a"))
    upgrade(flow, simple("a"), inputSchema=schema, enforceSchema=True)
    assert "does not fit its inputSchema" in why(flow)

    assert flow.send(cmd.UpgradeWorkflow, name="flow", version=2, input={"c": 1})


def test_an_ended_workflow_is_refused_and_a_paused_one_goes_on_when_resumed() -> None:
    ended, paused = started(simple("a")), started(simple("a"))
    ended.update("a")
    upgrade(ended, simple("a"), simple("b"))
    assert "has ended" in why(ended)
    paused.send(cmd.PauseWorkflow)
    upgrade(paused, simple("a"), simple("b"))
    paused.update("a")
    paused.send(cmd.ResumeWorkflow)

    assert paused.rows()[-1] == "b SCHEDULED"


def test_the_workflow_timeout_is_that_of_the_new_version() -> None:
    flow = started(simple("a"))
    upgrade(flow, simple("a"), timeoutSeconds=60, timeoutPolicy="TIME_OUT_WF")
    flow.clock.advance(60_000)

    assert flow.fire()[-1] == "workflow.timed_out"
