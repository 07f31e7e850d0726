"""The OpenAPI document: valid, complete, and true."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import firmus.gateway
from firmus.broker.polldata import PollTable
from firmus.gateway.openapi import document, named
from firmus.gateway.openapi_parts import BODIES, NO_BODY, RESULTS, query_of
from firmus.gateway.polling import Polls
from firmus.gateway.routes import Route, not_yet, routes
from tests.gateway.client import Api
from tests.gateway.ports import World

SOURCES = [path.read_text() for path in Path(firmus.gateway.__path__[0]).glob("*.py")]
READ = "\n".join(text for text in SOURCES if "_QUERY" not in text)


@pytest.fixture
def table(world: World) -> list[Route]:
    return routes(world.ports(), Polls(world.queues, world.clock, PollTable()))


@pytest.fixture
def told(table: list[Route]) -> Any:
    return msgspec.json.decode(document(table, not_yet))


def operations(told: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_told_and_nothing_else(table: list[Route], told: Any) -> None:
    assert operations(told).keys() == {
        f"{route.method} {named(route.method, route.path)}" for route in table
    }


def test_the_parameters_of_a_path_are_those_in_it(told: Any) -> None:
    for path, methods in told["paths"].items():
        for operation in methods.values():
            found = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert found == re.findall(r"\{(\w+)\}", path)
            assert len(set(found)) == len(found)


def test_operations_have_names_of_their_own(told: Any) -> None:
    names = [operation["operationId"] for operation in operations(told).values()]
    assert len(set(names)) == len(names)


def test_what_is_said_of_an_operation_belongs_to_one(told: Any) -> None:
    known = operations(told).keys()
    assert known >= BODIES.keys() | RESULTS.keys() | NO_BODY
    for key in known:
        for text in query_of(key):
            name = re.split("[:!]", text)[0]
            assert f'"{name}"' in READ, f"nobody reads {name} of {key}"


def test_every_reference_leads_to_a_schema_that_is_one(told: Any) -> None:
    written = msgspec.json.encode(told).decode()
    schemas = told["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/([^\"]+)", written)) <= schemas.keys()
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_what_is_not_offered_yet_is_said_to_be_so(table: list[Route], told: Any) -> None:
    later = {f"{r.method} {named(r.method, r.path)}" for r in table if r.handler is not_yet}
    assert later == {
        key for key, operation in operations(told).items() if "501" in operation["responses"]
    }


async def test_it_is_served_where_conductor_serves_its_own(api: Api) -> None:
    answer = await api.get("//api-docs")
    assert (answer.status, answer.body["openapi"]) == (200, "3.1.0")
    assert answer.body["paths"]["/api/workflow/{workflowId}"].keys() == {"get", "delete"}
