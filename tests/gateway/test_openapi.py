"""The OpenAPI document: valid, complete, and true."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from firmus.gateway.openapi.document import OPERATIONS
from firmus.gateway.openapi.examples import EXAMPLES
from firmus.gateway.openapi.paths import named
from firmus.gateway.openapi.words import PROPERTIES, SCHEMAS
from firmus.gateway.routes import not_yet
from tests.gateway.client import Api
from tests.gateway.told import our_document, table

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def told() -> Any:
    return our_document()


def operations(told: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_told_of_and_nothing_else() -> None:
    assert OPERATIONS.keys() == {
        f"{route.method} {named(route.method, route.path)}" for route in table()
    }


def test_the_parameters_of_a_path_are_those_in_it(told: Any) -> None:
    for path, methods in told["paths"].items():
        for operation in methods.values():
            given = operation.get("parameters", [])
            found = [one["name"] for one in given if one["in"] == "path"]
            assert found == re.findall(r"\{(\w+)\}", path)
            assert len({(one["in"], one["name"]) for one in given}) == len(given)


def test_operations_have_names_of_their_own(told: Any) -> None:
    names = [operation["operationId"] for operation in operations(told).values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere_and_schemas_are_schemas(told: Any) -> None:
    written = msgspec.json.encode(told).decode()
    parts = told["components"]
    for kind, name in set(re.findall(r"#/components/(\w+)/([^\"]+)", written)):
        assert name in parts[kind]
    used = set(re.findall(r"#/components/schemas/([^\"]+)", written))
    assert used == parts["schemas"].keys()
    for schema in parts["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_answer_is_told_with_its_body(told: Any) -> None:
    for key, operation in operations(told).items():
        statuses = operation["responses"].keys()
        assert statuses == {"501"} or "500" in statuses, key
        for answer in operation["responses"].values():
            assert "$ref" in answer or answer["description"], key


def test_what_is_not_offered_is_said_to_be_so(told: Any) -> None:
    later = {f"{r.method} {named(r.method, r.path)}" for r in table() if r.handler is not_yet}
    assert later == {
        key
        for key, operation in operations(told).items()
        if operation["responses"].keys() == {"501"}
    }
    assert all(OPERATIONS[key].reason for key in later)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_its_schema_says(told: Any, name: str) -> None:
    whole = {**told["components"]["schemas"][name], "components": told["components"]}
    Draft202012Validator(whole).validate(EXAMPLES[name])


async def test_it_is_served_where_conductor_serves_its_own(api: Api) -> None:
    answer = await api.get("//api-docs")
    assert (answer.status, answer.body["openapi"]) == (200, "3.1.0")
    assert answer.body == our_document()


async def test_it_is_sent_once_to_whoever_keeps_it(api: Api) -> None:
    first = await api.get("//api-docs", headers={"accept-encoding": "gzip"})
    again = await api.get("//api-docs", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-encoding"] == "gzip"
    assert (again.status, again.body) == (304, "")


async def test_every_schema_stands_alone(api: Api, told: Any) -> None:
    for name in told["components"]["schemas"]:
        answer = await api.get(f"//api-docs/schemas/{name}")
        schema = msgspec.json.decode(answer.body)
        Draft202012Validator.check_schema(schema)
        assert schema["title"] == name
        led_to = set(re.findall(r'"#/\$defs/(\w+)"', answer.body))
        assert led_to == schema.get("$defs", {}).keys(), name
        for example in schema.get("examples", []):
            Draft202012Validator(schema).validate(example)


async def test_a_schema_that_is_not_there_is_not_found(api: Api) -> None:
    assert (await api.get("//api-docs/schemas/Nobody")).status == 404


def test_everything_is_said_in_words(told: Any) -> None:
    schemas = told["components"]["schemas"]
    silent = [
        f"{name}.{each}"
        for name, schema in schemas.items()
        for each, inner in schema["properties"].items()
        if not inner.get("description")
    ]
    assert silent == []
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []


def test_words_are_about_something(told: Any) -> None:
    schemas = told["components"]["schemas"]
    names = {each for schema in schemas.values() for each in schema["properties"]}
    whole = {f"{name}.{each}" for name, schema in schemas.items() for each in schema["properties"]}
    assert PROPERTIES.keys() - names - whole == set()
    assert SCHEMAS.keys() - schemas.keys() == set()


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("*_test.json")), ids=lambda file: file.stem)
def test_definitions_as_users_write_them_fit_their_schema(told: Any, file: Path) -> None:
    parts = told["components"]
    whole = {**parts["schemas"]["WorkflowDef"], "components": parts}
    Draft202012Validator(whole).validate(msgspec.json.decode(file.read_bytes()))
