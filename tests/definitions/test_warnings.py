"""Warnings about definitions that may be registered and are probably wrong."""

from typing import Any

import pytest
from tests.flow import definition, op, simple

from firmus.definitions.attribute_warnings import attribute_warnings
from firmus.definitions.warnings import workflow_warnings
from firmus_contracts.definitions import WorkflowDef

END = op("end", "TERMINATE", {"terminationStatus": "COMPLETED"})


def warned(*tasks: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    return told(definition(*tasks, **fields))


def told(given: WorkflowDef, *registered: WorkflowDef) -> list[tuple[str, str]]:
    known = {one.name: one for one in registered}
    return [(one.path, one.message) for one in workflow_warnings(given, known.get)]


def switch(**branches: Any) -> dict[str, Any]:
    default = branches.pop("default", [])
    return op(
        "s",
        "SWITCH",
        evaluatorType="value-param",
        expression="x",
        decisionCases=branches,
        defaultCase=default,
    )


def reading(text: str, ref: str = "r") -> dict[str, Any]:
    return simple(ref, inputParameters={"v": text})


def sub(name: str) -> dict[str, Any]:
    return op("sub", "SUB_WORKFLOW", subWorkflowParam={"name": name, "version": 1})


def test_a_sound_definition_has_no_warnings() -> None:
    loop = op("loop", "DO_WHILE", loopOver=[reading("${b.output.x}", "a"), simple("b")])
    tasks = [
        simple("first"),
        loop,
        switch(stop=[END]),
        op("fork", "FORK_JOIN", forkTasks=[[reading("${first.output.a[0].b}")], [simple("l")]]),
        op("join", "JOIN", joinOn=["r", "l"]),
    ]
    output = {"a": "${workflow.variables.x} ${CPEWF_TASK_ID} ${workflow.env.E}", "b": "$${no.o}"}
    assert warned(*tasks, outputParameters=output) == []


def test_what_stands_behind_an_end_can_never_run() -> None:
    assert [path for path, _ in warned(END, simple("late"))] == ["tasks[1]"]
    both = switch(a=[END], default=[{**END, "taskReferenceName": "end2"}])
    assert [path for path, _ in warned(both, simple("late"))] == ["tasks[1]"]
    assert warned(switch(a=[END]), simple("late")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${nobody.output.x}", "no task is called nobody"),
        ("${first.outptu.x}", "a task has no outptu"),
        ("${workflow.inputs.x}", "a workflow has no inputs"),
        ("${last.output.x}", "task last comes later, so this is null"),
        ("a ${r.input.${nobody.output.x}}", "no task is called nobody"),
    ],
)
def test_expressions_that_name_nothing_are_told_wherever_they_stand(text: str, says: str) -> None:
    tasks = [simple("first"), switch(a=[reading(text)]), simple("last")]
    found = warned(*tasks)

    assert [path for path, _ in found] == ["tasks[1].<0>[0].inputParameters.v"]
    assert says in found[0][1]


def test_the_output_of_the_workflow_is_looked_at_too() -> None:
    found = warned(simple("t"), outputParameters={"o": {"deep": ["${u.output.x}"]}})

    assert found == [("outputParameters.deep", "${u.output.x}: no task is called u")]


def test_joins_that_wait_for_ever_are_told() -> None:
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("a")]])
    assert warned(fork, op("j", "JOIN", joinOn=["a", "b"])) == [
        ("tasks[1].joinOn", "j waits for b, which no task is called")
    ]
    dynamic = op("f", "FORK_JOIN_DYNAMIC", {"forkTaskInputs": []})
    assert warned(dynamic, op("j", "JOIN", joinOn=["made later"])) == []
    assert [path for path, _ in warned(op("e", "EXCLUSIVE_JOIN"))] == ["tasks[0].joinOn"]
    assert [path for path, _ in warned(op("f", "FORK_JOIN", forkTasks=[[]]))] == [
        "tasks[0].forkTasks"
    ]


def test_a_workflow_that_leads_back_to_itself_is_told_with_the_whole_way() -> None:
    own = definition(sub("middle"), name="top")
    middle = definition(switch(again=[sub("top")]), name="middle")
    found = told(own, middle)

    assert found == [
        (
            "tasks[0].subWorkflowParam.name",
            "top -> middle -> top: it starts itself, without end unless something stops it",
        )
    ]
    assert told(definition(sub("other"), name="top"), middle) == []
    assert (
        told(definition(simple("t"), name="top", failureWorkflow="top"))[0][0] == "failureWorkflow"
    )


def test_only_a_for_each_has_items() -> None:
    each = op("e", "FOR_EACH", {"items": [1]}, loopOver=[reading("${e.item.x} ${e.index}")])
    assert warned(each) == []
    loop = op("e", "DO_WHILE", loopOver=[reading("${e.item.x}")])
    assert [path for path, _ in warned(loop)] == ["tasks[0].<1>[0].inputParameters.v"]


def choosing(name: str, version: int = 1, **kinds: str) -> WorkflowDef:
    chosen = {
        attribute: {"value": "${workflow.input.v}", "type": kind}
        for attribute, kind in kinds.items()
    }
    return definition(
        simple("a"), name=name, version=version, metadata={"searchAttributes": chosen}
    )


def test_a_search_attribute_of_another_type_elsewhere() -> None:
    others = [choosing("w", total="text"), choosing("v", 3, total="time", code="text")]
    found = attribute_warnings(choosing("w", total="number", code="text"), others)
    [(path, message)] = [(one.path, one.message) for one in found]
    assert path == "metadata.searchAttributes.total"
    assert "is a number here and a time in version 3 of v" in message
    assert list(attribute_warnings(definition(simple("a")), others)) == []
