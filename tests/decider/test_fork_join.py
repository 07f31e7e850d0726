"""FORK_JOIN, JOIN and FORK_JOIN_DYNAMIC (spec 3.6.5, 3.6.6, 3.6.8)."""

from typing import Any

from firmus_contracts.definitions import TaskDef
from tests.flow import Flow, op, simple, task_def


def fork(*branches: list[dict[str, Any]]) -> dict[str, Any]:
    return op("fork", "FORK_JOIN", forkTasks=list(branches))


def join(*on: str) -> dict[str, Any]:
    return op("join", "JOIN", joinOn=list(on))


def two_branches(**fields: Any) -> Flow:
    flow = Flow(fork([simple("a", **fields)], [simple("b")]), join("a", "b"), simple("last"))
    flow.start()
    return flow


def test_3_6_5_fork_branches_and_join_come_into_being_together() -> None:
    flow = two_branches()

    assert flow.rows() == ["fork COMPLETED", "a SCHEDULED", "b SCHEDULED", "join IN_PROGRESS"]
    assert (flow.row("fork").made.task_type, flow.row("join").input) == (
        "FORK",
        {"joinOn": ["a", "b"]},
    )


def test_3_6_6_the_join_gathers_outputs_when_all_have_ended() -> None:
    flow = two_branches()
    flow.update("a", output={"v": 1})
    assert flow.row("join").status == "IN_PROGRESS"

    assert flow.update("b", output={"v": 2})[:3] == [
        "task.completed b",
        "task.completed join",
        "task.scheduled last",
    ]
    assert flow.row("join").output == {"a": {"v": 1}, "b": {"v": 2}}


def test_3_6_6_an_empty_join_completes_at_once() -> None:
    flow = Flow(fork([simple("a")]), join(), simple("last"))
    flow.start()

    assert flow.row("join").status == "COMPLETED"
    flow.update("last")
    assert flow.status == "RUNNING"
    flow.update("a")
    assert flow.status == "COMPLETED"


def test_3_6_5_a_failing_branch_fails_the_workflow_and_cancels_the_others() -> None:
    flow = two_branches()
    flow.fail("a")

    assert flow.status == "FAILED"
    assert flow.rows() == ["fork COMPLETED", "a FAILED", "b CANCELED", "join CANCELED"]


def test_3_6_6_a_failure_that_is_retried_is_never_final_for_the_join() -> None:
    flow = two_branches(task_def=task_def("a", retryCount=1))
    flow.update("b")

    assert flow.fail("a") == ["task.failed a", "task.scheduled a"]
    assert flow.row("join").status == "IN_PROGRESS"
    flow.update("a", output={"v": 2})
    assert flow.row("join").output == {"a": {"v": 2}}


def test_4_4_an_optional_branch_leaves_the_join_completed_with_errors() -> None:
    flow = two_branches(optional=True)
    flow.fail("a", output={"why": 1})
    flow.update("b")

    assert flow.row("join").status == "COMPLETED_WITH_ERRORS"
    assert flow.row("last").status == "SCHEDULED"


def test_4_4_a_permissive_branch_fails_the_join_once_all_have_ended() -> None:
    flow = two_branches(permissive=True)
    flow.fail("a")
    assert (flow.status, flow.row("join").status) == ("RUNNING", "IN_PROGRESS")
    flow.update("b")

    assert (flow.status, flow.row("join").status) == ("FAILED", "FAILED")


def test_3_6_5_a_fork_without_join_fails_the_workflow_and_leaves_no_rows() -> None:
    flow = Flow(fork([simple("a")]), simple("last"))
    flow.start()

    assert (flow.status, flow.rows()) == ("FAILED", [])


def test_a_fork_with_an_empty_branch_is_refused() -> None:
    flow = Flow(fork([simple("a")], []), join("a"))
    flow.start()

    assert flow.rejected is not None
    assert flow.rejected.code == "INVALID"


def test_3_6_6_nested_joins_end_from_the_inside_out() -> None:
    inner = [
        op("f2", "FORK_JOIN", forkTasks=[[simple("a")], [simple("b")]]),
        op("j2", "JOIN", joinOn=["a", "b"]),
    ]
    flow = Flow(fork(inner, [simple("x")]), join("j2", "x"), simple("last"))
    flow.start()
    for ref in ("x", "a", "b"):
        flow.update(ref, output={"v": ref})

    assert flow.row("join").output == {"j2": {"a": {"v": "a"}, "b": {"v": "b"}}, "x": {"v": "x"}}


def dynamic(tasks: Any, inputs: Any) -> Flow:
    flow = Flow(
        op(
            "fork",
            "FORK_JOIN_DYNAMIC",
            {"ts": "${workflow.input.ts}", "ins": "${workflow.input.ins}"},
            dynamicForkTasksParam="ts",
            dynamicForkTasksInputParamName="ins",
        ),
        op("join", "JOIN"),
    )
    flow.registered["t"] = TaskDef(name="t", retry_count=1, retry_delay_seconds=0)
    flow.start({"ts": tasks, "ins": inputs})
    return flow


def test_3_6_8_a_dynamic_fork_makes_a_row_per_task_with_its_own_input() -> None:
    tasks = [{"name": "t", "taskReferenceName": f"r{i}", "type": "SIMPLE"} for i in range(2)]
    flow = dynamic(tasks, {"r0": {"x": 0}})

    assert flow.rows() == ["fork COMPLETED", "r0 SCHEDULED", "r1 SCHEDULED", "join IN_PROGRESS"]
    assert (flow.row("r0").input, flow.row("r1").input) == ({"x": 0}, {})
    assert flow.row("join").input == {"joinOn": ["r0", "r1"]}
    assert flow.row("fork").input["forkedTasks"] == ["r0", "r1"]


def test_3_6_8_registered_branches_are_retried_unregistered_ones_are_not() -> None:
    flow = dynamic(
        [{"name": "t", "taskReferenceName": "r"}, {"name": "u", "taskReferenceName": "s"}],
        {},
    )
    assert flow.fail("r") == ["task.failed r", "task.scheduled r"]
    flow.update("r")
    flow.fail("s")

    assert flow.status == "FAILED"


def test_3_6_8_no_branches_complete_at_once() -> None:
    flow = dynamic([], {})

    assert (flow.status, flow.row("join").status) == ("COMPLETED", "COMPLETED")


def test_3_6_8_bad_lists_and_maps_fail_the_workflow() -> None:
    for tasks, inputs in ((None, {}), ("x", {}), ([{"name": "t"}], {}), ([], None), ([], [])):
        flow = dynamic(tasks, inputs)
        assert (flow.status, flow.rows()) == ("FAILED", []), (tasks, inputs)


def scripted(script: str) -> Flow:
    tail = op("join", "JOIN", joinOn=["a", "b"], evaluatorType="javascript", expression=script)
    flow = Flow(fork([simple("a")], [simple("b")]), tail, simple("last"))
    flow.start()
    return flow


FIRST = "$.joinOn.some(r => $[r] && $[r].status === 'COMPLETED') ? {status: 'COMPLETED'} : false"


def test_a_join_script_may_end_the_join_before_all_branches_have() -> None:
    flow = scripted(FIRST)
    assert flow.row("join").status == "IN_PROGRESS"
    flow.update("b", output={"v": 2})

    assert (flow.row("join").status, flow.row("join").output) == ("COMPLETED", {"b": {"v": 2}})
    assert flow.row("last").status == "SCHEDULED"


def test_a_join_script_gives_status_reason_and_output() -> None:
    script = "({status: 'FAILED', reasonForIncompletion: 'no', outputData: {n: 1}})"
    flow = scripted(script)

    assert (flow.status, flow.row("join").reason, flow.row("join").output) == (
        "FAILED",
        "no",
        {"n": 1},
    )


def test_a_join_script_that_never_ends_fails_the_join_when_nothing_is_left() -> None:
    flow = scripted("({status: 'IN_PROGRESS'})")
    flow.update("a")
    flow.update("b")

    assert (flow.status, flow.row("join").status) == ("FAILED", "FAILED")


def test_a_join_status_that_is_not_met_fails_the_join() -> None:
    tail = op("join", "JOIN", joinOn=["a"], joinStatus="COMPLETED")
    flow = Flow(fork([simple("a", optional=True)]), tail)
    flow.start()
    flow.fail("a")

    assert flow.row("join").status == "FAILED"
