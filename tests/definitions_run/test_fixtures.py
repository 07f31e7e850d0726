"""Real definitions, as users of Conductor wrote them, run to their ends on every branch."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmus.definitions.unsupported import workflow_unsupported
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.definitions import WorkflowDef
from tests.definitions_run.driver import Driver, Say

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOT_YET: dict[str, str] = {}
"""Files that this build refuses, with the place of the property that it cannot honour."""

FORK = {
    "dynamicTasks": [
        {"name": "integration_task_2", "taskReferenceName": "xdt1", "type": "SIMPLE"},
        {"name": "integration_task_3", "taskReferenceName": "xdt2", "type": "SIMPLE"},
    ],
    "dynamicTasksInput": {"xdt1": {"k": 1}, "xdt2": {"k": 2}},
    "inputs": {"xdt1": {"k": 1}},
}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One way through a definition: its input, what tasks say (by reference; otherwise they
    COMPLETE with an empty output), how it ends.
    """

    input: dict[str, Any] = {}
    says: dict[str, Say] = {}
    ends: str = "COMPLETED"


def ok(**output: Any) -> Say:
    return "COMPLETED", output, None


BAD: Say = ("FAILED", {}, "broke")
RUNS: dict[str, list[Run]] = {
    "do_while_integration_test": [
        Run(input={"loop": 1}),
        Run(input={"loop": 3}),
        Run(input={"loop": 2}, says={"integration_task_1": BAD}, ends="FAILED"),
    ],
    "dynamic_fork_join_integration_test": [
        Run(says={"dt1": ok(**FORK)}),
        Run(says={"dt1": ok(**FORK), "xdt2": BAD}, ends="FAILED"),
        Run(says={"dt1": ok(dynamicTasks=[], dynamicTasksInput={})}),
    ],
    "event_workflow_integration_test": [Run()],
    "exclusive_join_integration_test": [
        Run(input={"decision_1": one, "decision_2": two, "decision_3": two})
        for one in ("true", "false", "null")
        for two in ("true", "null")
    ],
    "fork_join_integration_test": [Run(), Run(says={"t2": BAD}, ends="FAILED")],
    "kitchensink": [
        Run(
            input={"task2Name": "task_5"},
            says={"task_2": ok(oddEven=odd), "task_4": ok(**FORK)},
        )
        for odd in (0, 1, 7)
    ],
    "quickstart_workflow": [
        Run(says={"fetch_ref": ok(response={"body": {"hostName": "h", "apiRandomDelay": "1"}})})
    ],
    "set_variable_workflow_integration_test": [Run(input={"var": "v"})],
    "simple_json_jq_transform_integration_test": [
        Run(input={"in1": {"array": [1]}, "in2": {"array": [2]}})
    ],
    "simple_switch_task_integration_test": [Run(input={"case": case}) for case in ("c", "other")],
    "simple_workflow_1_input_template_integration_test": [Run()],
    "simple_workflow_1_integration_test": [Run(), Run(says={"t1": BAD}, ends="FAILED")],
    "simple_workflow_with_optional_task_integration_test": [Run(), Run(says={"t1": BAD})],
    "sub_flow_1": [Run()],
    "switch_and_terminate_integration_test": [
        Run(input={"case": "one"}),
        Run(input={"case": "two"}, ends="FAILED"),
        Run(input={"case": "none"}),
    ],
    "workflow_with_sub_workflow_1_integration_test": [
        Run(input={"subwf": "sub_flow_1"}),
        Run(input={"subwf": "sub_flow_1"}, says={"task_6": BAD}, ends="FAILED"),
    ],
}


def read(name: str) -> WorkflowDef:
    return decode_workflow_def((FIXTURES / f"{name}.json").read_bytes())


@pytest.fixture
async def driver():
    driver = Driver()
    await driver.register(read("sub_flow_1"))
    tasks = {f"integration_task_{n}" for n in range(21)} | {f"task_{n}" for n in range(31)}
    for name in sorted(tasks | {"task_optional"}):
        await driver.register_task(name, retryCount=1, retryDelaySeconds=1)
    yield driver
    await driver.close()


def test_every_definition_of_the_fixtures_is_run_or_known_to_be_refused() -> None:
    files = {path.stem for path in FIXTURES.glob("*.json")} - {"model_templates"}
    faults = {name: workflow_unsupported(read(name)) for name in files}
    assert {name: found[0].path for name, found in faults.items() if found} == NOT_YET
    assert files - NOT_YET.keys() == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
async def test_a_real_definition_runs_to_its_ends_on_every_branch(
    name: str, driver: Driver
) -> None:
    definition = read(name)
    assert workflow_unsupported(definition) == ()
    await driver.register(definition)
    reached: set[str] = set()
    for run in RUNS[name]:
        ended = await driver.run(definition.name, run.input, lambda row, run=run: said(run, row))
        assert ended.status == run.ends, ended.reason
        reached |= {base_ref(row.made) for row in ended.tasks.values()}
    assert Blueprint(definition, "").nodes.keys() <= reached


def said(run: Run, row: TaskState) -> Say:
    return run.says.get(base_ref(row.made), ok())


def rows(ended: WorkflowState) -> list[str]:
    return [f"{row.ref} {row.status}" for row in ended.rows()]


async def test_retries_of_an_optional_task_come_before_it_is_forgiven(driver: Driver) -> None:
    definition = read("simple_workflow_with_optional_task_integration_test")
    await driver.register(definition)
    ended = await driver.run(definition.name, {}, lambda row: said(Run(says={"t1": BAD}), row))

    assert rows(ended) == ["t1 FAILED", "t1 COMPLETED_WITH_ERRORS", "t2 COMPLETED"]


async def test_scripts_and_paths_give_what_the_definition_says(driver: Driver) -> None:
    for name, output in (
        ("quickstart_workflow", "Host h"),
        ("simple_json_jq_transform_integration_test", "[1, 2]"),
    ):
        definition = read(name)
        await driver.register(definition)
        (run,) = RUNS[name]
        ended = await driver.run(definition.name, run.input, lambda row, run=run: said(run, row))
        assert output in json.dumps(ended.output)
