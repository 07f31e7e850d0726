"""The listening server."""

import asyncio
import socket

import aiohttp
import pytest

from firmus.gateway import service
from tests.gateway.client import Api
from tests.gateway.ports import World


async def test_port_0_takes_a_free_port_and_close_gives_it_back(world: World):
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    await listener.close()

    with socket.create_server(("127.0.0.1", listener.port)) as again:
        assert listener.port == again.getsockname()[1]


async def test_a_port_in_use_is_an_error_for_the_caller(world: World):
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)

    with pytest.raises(OSError, match="in use"):
        await service.start(world.ports(), host="127.0.0.1", port=listener.port)

    await listener.close()


async def test_answers_do_not_name_the_server_software(api: Api):
    headers = (await api.get("/version")).headers

    assert not {"server", "date"} & {name.lower() for name in headers}


async def test_health_names_what_is_wrong(api: Api, world: World):
    well = await api.get("//health")
    world.elsewhere.append("search: no database")
    suppressed = await api.get("/health")
    world.troubles.append("the log is full")

    ill = await api.get("/health")

    assert (well.status, well.body["healthy"]) == (200, True)
    assert (suppressed.status, suppressed.body["healthy"]) == (200, True)
    assert (
        suppressed.body["suppressedHealthResults"][0]["details"]["error"] == "search: no database"
    )
    assert (
        ill.status,
        ill.body["healthy"],
        ill.body["healthResults"][0]["details"]["error"],
    ) == (503, False, "the log is full")


async def test_version_metrics_and_configuration(api: Api, world: World):
    version = await api.get("/version")
    metrics = await api.get("//metrics")
    config = await api.get("/admin/config")

    assert (version.status, version.kind) == (200, "text/plain")
    assert (200, "text/plain", world.metrics.decode()) == (
        metrics.status,
        metrics.kind,
        metrics.body,
    )
    assert version.body == config.body["version"]


async def test_environment_and_names_of_secrets(world: World):
    ports = world.ports(environment={"B": "2", "A": "1"}, secret_names=lambda: ["s"])
    listener = await service.start(ports, host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        found = [
            (await api.get(path)).body
            for path in ("/environment", "/environment/B", "/environment/C", "/secrets")
        ]
    await listener.close()

    listed = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert found == [listed, "2", "", ["s"]]


async def test_content_type_is_written_as_people_write_it(api: Api):
    host, port = api.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    whole = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert b"\r\nContent-Type: text/plain" in whole


async def test_there_is_no_token_while_security_is_off(api: Api):
    assert (await api.post("/token", {"keyId": "k", "keySecret": "s"})).status == 404


async def test_a_connection_is_closed_when_it_has_been_idle_and_not_while_it_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_KEEP_ALIVE_S", 0.05)
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    for path in ("/api/tasks/poll/batch/a?timeout=300", "/api/version", "/api/tasks/poll/a"):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 20")
        writer.close()
    await listener.close()
