import msgspec
import pytest
from tests.definitions_store.samples import simple, sub_workflow, task, workflow

from firmus.definitions.snapshot import resolve
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.errors import Refusal


def resolved(tasks, registered=(), latest=None) -> dict[str, WorkflowTask]:
    """The resolved tasks by reference."""
    by_name = {definition.name: definition for definition in registered}
    whole = resolve(workflow(tasks=tasks), by_name.get, (latest or {}).get)
    return {ref: node.task for ref, node in Blueprint(whole, "").nodes.items()}


def operator(kind, ref="op", **fields) -> dict:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def test_a_registered_task_definition_is_embedded_by_name():
    found = resolved([simple("pack", "first")], [task("pack", retryCount=8)])
    assert found["first"].task_definition == task("pack", retryCount=8)


def test_an_embedded_definition_wins_over_the_registered_one():
    own = {"name": "other", "retryCount": 1}
    found = resolved([simple("pack", taskDefinition=own)], [task("pack", retryCount=8)])
    assert found["pack"].task_definition == task("other", retryCount=1)


def test_an_unregistered_worker_task_gets_all_the_defaults():
    assert resolved([simple("pack")])["pack"].task_definition == task("pack")


@pytest.mark.parametrize("kind", ["HTTP", "WAIT", "my_worker_type"])
def test_any_other_unregistered_task_is_neither_retried_nor_timed_out(kind):
    definition = resolved([operator(kind)])["op"].task_definition
    assert definition == task("op", retryCount=0, responseTimeoutSeconds=0)


def test_an_operator_takes_the_definition_registered_under_its_name():
    found = resolved([operator("HTTP", "pack")], [task("pack", retryCount=5)])
    assert found["pack"].task_definition.retry_count == 5


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_task_without_a_name_gets_no_definition(name):
    nameless = {"name": name, "taskReferenceName": "r", "type": "SIMPLE"}
    assert resolved([nameless])["r"].task_definition is None


@pytest.mark.parametrize(
    "nested",
    [
        operator("SWITCH", decisionCases={"a": [simple("pack")]}),
        operator("SWITCH", defaultCase=[simple("pack")]),
        operator("FORK_JOIN", forkTasks=[[simple("x")], [simple("y"), simple("pack")]]),
        operator("DO_WHILE", loopOver=[operator("SWITCH", "in", defaultCase=[simple("pack")])]),
    ],
)
def test_tasks_inside_operators_are_resolved_in_place(nested):
    found = resolved([nested], [task("pack", retryCount=6)])
    assert found["pack"].task_definition.retry_count == 6
    before = Blueprint(workflow(tasks=[nested]), "").nodes
    assert list(found) == list(before)


def test_a_tree_thousands_of_levels_deep_is_resolved():
    inner = msgspec.convert(simple("pack"), WorkflowTask)
    for level in range(5000):
        loop = msgspec.convert(operator("DO_WHILE", f"loop{level}"), WorkflowTask)
        inner = msgspec.structs.replace(loop, loop_over=[inner])
    deep = msgspec.structs.replace(workflow(), tasks=[inner])
    found = resolve(deep, {"pack": task("pack", retryCount=2)}.get, {}.get)
    assert Blueprint(found, "").nodes["pack"].task.task_definition.retry_count == 2


def test_a_sub_workflow_without_a_version_takes_the_latest():
    found = resolved([sub_workflow("s", name="child")], latest={"child": 4})
    assert found["s"].sub_workflow_param.version == 4


def test_an_explicit_version_is_kept_registered_or_not():
    found = resolved([sub_workflow("s", name="child", version=2)], latest={"child": 4})
    assert found["s"].sub_workflow_param.version == 2
    assert resolved([sub_workflow("s", name="gone", version=1)])["s"] is not None


@pytest.mark.parametrize("name", ["child", "${workflow.input.which}"])
def test_an_unregistered_sub_workflow_without_a_version_is_refused(name):
    with pytest.raises(Refusal) as refusal:
        resolved([operator("DO_WHILE", loopOver=[sub_workflow("s", name=name)])])
    assert refusal.value.message == (
        f"The Task {name} defined as a sub-workflow has no workflow definition available "
    )


def test_with_an_inline_definition_name_and_version_are_its_own():
    inline = {"name": "inner", "version": 3, "tasks": [simple("pack")]}
    found = resolved([sub_workflow("s", name="ignored", workflowDefinition=inline)])
    params = found["s"].sub_workflow_param
    assert (params.name, params.version, params.workflow_definition) == ("inner", 3, inline)


def test_an_inline_definition_given_as_an_expression_is_no_registered_one():
    params = {"name": "inner", "workflowDefinition": "${workflow.input.definition}"}
    assert resolved([sub_workflow("s", **params)])["s"].sub_workflow_param.version is None


def test_sub_workflow_parameters_on_another_type_are_left_alone():
    odd = {**simple("pack"), "subWorkflowParam": {"name": "child"}}
    assert resolved([odd])["pack"].sub_workflow_param.version is None


def test_resolving_leaves_the_registered_definition_untouched():
    definition = workflow(tasks=[operator("FORK_JOIN", forkTasks=[[simple("pack")]])])
    before = msgspec.json.encode(definition)
    resolve(definition, lambda name: msgspec.convert({"name": name}, TaskDef), {}.get)
    assert msgspec.json.encode(definition) == before
    assert isinstance(definition, WorkflowDef)
