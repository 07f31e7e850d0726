"""Tasks in a row: succession, data flow, completion (spec 3.1, 3.3, 2.6)."""

from tests.flow import Flow, simple


def test_3_1_a_start_schedules_the_first_task_in_the_same_decision() -> None:
    flow = Flow(simple("a"), simple("b"))

    assert flow.start({"x": 1}) == ["workflow.started", "task.scheduled a"]
    assert flow.status == "RUNNING"


def test_3_3_a_completed_task_schedules_its_successor_in_the_same_commit() -> None:
    flow = Flow(simple("a"), simple("b", inputParameters={"v": "${a.output.v}"}))
    flow.start()

    assert flow.begin("a") == ["task.in_progress a"]
    assert flow.update("a", output={"v": [1]}) == [
        "task.completed a",
        "task.scheduled b",
        "workflow.tasks_settled",
    ]
    assert flow.row("b").input == {"v": [1]}


def test_2_6_the_last_task_completes_the_workflow_with_its_output_parameters() -> None:
    flow = Flow(simple("a"), outputParameters={"y": "${a.output.v}", "none": "${a.output.q}"})
    flow.start()

    assert flow.update("a", output={"v": 2})[-2:] == [
        "workflow.completed",
        "workflow.tasks_settled",
    ]
    assert (flow.status, flow.output) == ("COMPLETED", {"y": 2, "none": None})


def test_2_6_without_output_parameters_the_output_is_that_of_the_last_task() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    flow.update("a", output={"v": 1})
    flow.update("b", output={"v": 2})

    assert flow.output == {"v": 2}


def test_3_4_a_failure_without_retries_ends_the_workflow() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()

    assert flow.fail("a", output={"half": 1}) == ["task.failed a", "workflow.failed"]
    assert flow.state is not None
    expected = f"Task {flow.task_id('a')} failed with status: FAILED and reason: 'broke'"
    assert (flow.state.reason, flow.output) == (expected, {"half": 1})
    assert flow.state.failed_refs == ("a",)
