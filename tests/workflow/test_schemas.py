"""JSON Schemas: whether a value fits, and where it does not."""

import pytest

from firmus.workflow.schemas import BACKTRACKS_MAX, FAULTS_MAX, enforced, faults, schema_problem
from firmus_contracts.definitions import SchemaDef, TaskDef

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
        "odd name": {"type": "string"},
        "card": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "required": ["id"],
}


def schema(data: dict) -> SchemaDef:
    return SchemaDef(name="order", type="JSON", data=data)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"id": 1, "items": [{"sku": "x"}]}, {}),
        ({}, {"input": '"id" is a required property'}),
        ({"id": "x"}, {"input.id": '"x" is not of type "integer"'}),
        (
            {"id": 1, "items": [{"sku": 1}, {}]},
            {"input.items[1]": '"sku" is a required property'},
        ),
        ({"id": 1, "odd name": 2}, {'input["odd name"]': '2 is not of type "string"'}),
        ({"id": 2**70, "more": None}, {}),
        ({"id": 1.0}, {}),
    ],
)
def test_a_fault_is_told_by_its_path(value: dict, found: dict[str, str]) -> None:
    assert {f.path: f.message for f in faults(schema(ORDER), value, "input")} == found


def test_all_faults_are_told_together_up_to_a_limit() -> None:
    given = {f"p{i}": i for i in range(FAULTS_MAX + 5)}
    strict = schema({"additionalProperties": {"type": "string"}})

    assert len(faults(strict, given, "input")) == FAULTS_MAX


def test_a_message_shows_no_value_when_values_are_to_be_hidden() -> None:
    (fault,) = faults(schema(ORDER), {"id": 1, "card": "4711-x"}, "input", hides=True)

    assert fault.path == "input.card"
    assert "4711" not in fault.message


def test_a_pattern_that_backtracks_without_end_does_not_fit_instead_of_taking_for_ever() -> None:
    evil = schema({"properties": {"a": {"pattern": r"^(a|aa)+\1$"}}})

    assert faults(evil, {"a": "a" * BACKTRACKS_MAX + "!"}, "input")


@pytest.mark.parametrize(
    ("data", "readable"),
    [
        (ORDER, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, True),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}, True),
        ({"type": "nope"}, False),
        ({"$ref": "#/nowhere"}, False),
        ({"$ref": "http://127.0.0.1:1/elsewhere.json"}, False),
        ({"pattern": "("}, False),
    ],
)
def test_a_schema_is_readable_when_all_of_it_is_inside(data: dict, readable: bool) -> None:
    assert (schema_problem(data) is None) is readable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"enforce_schema": True}, True),
        ({}, False),
        ({"enforce_schema": True, "input_schema": SchemaDef(type="AVRO", data=ORDER)}, False),
        ({"enforce_schema": True, "input_schema": None}, False),
    ],
)
def test_a_task_definitions_schema_counts_only_when_it_is_enforced(given: dict, kept: bool) -> None:
    task_def = TaskDef(**{"name": "t", "input_schema": schema(ORDER), **given})

    assert (enforced(task_def, "input") is not None) is kept
    assert enforced(task_def, "output") is None
