"""Nothing that a client of Conductor asks for is forgotten: answered, or 501 and documented.

`conductor_operations.txt` is the OpenAPI document of Conductor 3.32.3, `sdk_operations.txt` what
its Python SDK (2.0.0) has methods for, those for other servers of the family included.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from firmus.broker.polldata import PollTable
from firmus.gateway import service
from firmus.gateway.app import by_path
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.routes import not_yet, routes
from firmus.gateway.unsupported import FAMILIES, reason_of
from firmus.handlers.store import memory_handlers
from tests.gateway.client import Api
from tests.gateway.ports import World
from tests.gateway.told import our_document

HERE = Path(__file__).parent
DOCUMENT = (HERE.parent.parent / "docs" / "rest.md").read_text()


def operations(name: str, below: str = "") -> Iterator[tuple[str, str]]:
    for line in (HERE / name).read_text().splitlines():
        method, path = line.split()
        yield method, below + path


@asynccontextmanager
async def served(ports: GatewayPorts) -> AsyncIterator[Api]:
    listener = await service.start(ports, host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()


CONDUCTOR = list(operations("conductor_operations.txt"))
SDK = list(operations("sdk_operations.txt", "/api"))


@pytest.fixture
def offered(world: World) -> set[tuple[str, str]]:
    table = routes(world.ports(), Polls(world.queues, world.clock, PollTable()))
    return {
        (method, re.sub(r"\{\w+\}", "{}", path))
        for path, methods in by_path(table).items()
        for method, handler in methods.items()
        if handler is not not_yet
    }


def test_only_what_is_documented_is_missing(offered: set[tuple[str, str]]):
    missing = {
        (method, path)
        for method, path in [*CONDUCTOR, *SDK]
        if (method, re.sub(r"\{\w+\}", "{}", path)) not in offered and reason_of(path) is None
    }

    assert missing == {("GET", "/api/workflow/execute/{name}")}
    assert all(f"`{method} {path}`" in DOCUMENT for method, path in missing)


def test_of_conductors_own_operations_one_is_missing(offered: set[tuple[str, str]]):
    shapes = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in CONDUCTOR}

    assert shapes - offered == {("GET", "/context.js")}


def test_users_are_told_of_every_operation_beyond_conductors_own():
    shapes = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in CONDUCTOR}
    beyond = {
        (method.upper(), path)
        for path, methods in our_document()["paths"].items()
        for method, operation in methods.items()
        if (method.upper(), re.sub(r"\{\w+\}", "{}", path)) not in shapes
        and operation["responses"].keys() != {"501"}
    }
    rows = DOCUMENT.partition("## What is new")[2]
    told = {
        (method, path)
        for methods, path in re.findall(r"`([A-Z ]+) (/[^`]+)`", rows)
        for method in methods.split()
    }

    assert told == beyond


def test_the_document_names_what_is_missing():
    assert all(f"`{beginning}`" in DOCUMENT for beginning in FAMILIES)


async def test_every_operation_is_found_or_refused_by_name(api: Api):
    forgotten = []
    for method, path in [*CONDUCTOR, *SDK]:
        answer = await api.call(method, "/" + re.sub(r"\{\w+\}", "x", path))
        told = answer.body.get("message", "") if isinstance(answer.body, dict) else ""
        if answer.status in {405, 500} or told.startswith("No such path"):
            forgotten.append((method, path, answer.status, told))

    assert forgotten == []


@pytest.mark.parametrize("path", ["//api/files/w/f/upload-url", "//api/users", "//context.js"])
async def test_a_refusal_says_why(api: Api, path: str):
    answer = await api.get(path)

    assert (answer.status, answer.body["code"]) == (501, "NOT_IMPLEMENTED")
    assert answer.body["message"].endswith(str(reason_of(path[1:])))


async def test_a_family_ends_with_its_name(api: Api):
    assert (await api.get("//api/filesystem")).status == 404


async def test_verify_tells_whether_there_was_anything_to_do(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    verified = await api.post(f"/admin/consistency/verifyAndRepair/{started}")
    unknown = await api.post("/admin/consistency/verifyAndRepair/nobody")

    assert (verified.status, verified.kind, verified.body) == (200, "text/plain", "false")
    assert unknown.status == 404


async def test_executions_of_several_workflows_by_correlation(api: Api):
    for name in ("w", "v"):
        await api.register(name, "a")
    mine = [await api.start(name, correlationId="c1") for name in ("w", "v")]
    await api.start("w", correlationId="c2")

    asked = {"workflowNames": ["w", "v"], "correlationIds": ["c1", "c9"]}
    found = (await api.post("/workflow/correlated/batch", asked)).body

    assert {each: [row["workflowId"] for row in rows] for each, rows in found.items()} == {
        "c1": mine,
        "c9": [],
    }


async def test_whether_a_secret_is_there(world: World):
    async with served(world.ports(secret_names=lambda: ["s"])) as api:
        answers = [await api.get(f"/secrets/{name}/exists") for name in ("s", "t")]
        names = [await api.get("/secrets"), await api.post("/secrets")]

    assert [answer.body for answer in answers] == [True, False]
    assert [answer.body for answer in names] == [["s"], ["s"]]


async def test_event_queues_are_those_of_active_handlers(world: World):
    handlers = memory_handlers(world.clock)

    async def waiting(event: str) -> int:
        return len(event)

    ports = world.ports(event_handlers=handlers, messages_waiting=waiting)
    async with served(ports) as api:
        none = await api.get("/admin/queues", verbose=True)
        for name, active in (("a", True), ("b", False)):
            starting = {"action": "start_workflow", "start_workflow": {"name": "w"}}
            saved = {"name": name, "event": f"conductor:w:{name}", "actions": [starting]}
            assert (await api.post("/event", {**saved, "active": active})).status == 200
        found = await api.get("/admin/queues")
        sizes = await api.get("/admin/queues", verbose=True)

    assert (none.body, found.body) == ({}, {"conductor:w:a": "w:a"})
    assert sizes.body == {"conductor:w:a": {"w:a": 13}}
