"""REST over TLS: whom the server shows itself as, and whom it lets in."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from firmus.gateway import service
from firmus.tls import Identity, Renewal, TlsError, client_context, server_context
from tests.certificates import Authority
from tests.gateway.client import Api
from tests.gateway.ports import World


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def asks_once(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A client that has read its answer, keeps its connection and looks at it no more."""
    plain = socket.create_connection(("127.0.0.1", port))
    client = context.wrap_socket(plain, server_hostname="127.0.0.1")
    client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(100_000).startswith(b"HTTP/1.1 200")
    return client


@asynccontextmanager
async def served(
    world: World, identity: Identity, context: ssl.SSLContext
) -> AsyncIterator[tuple[Api, service.Listener]]:
    ports = world.ports()
    listener = await service.start(ports, host="127.0.0.1", port=0, identity=identity)
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        api = Api(session, listener.port)
        api.base = f"https://127.0.0.1:{listener.port}"
        yield api, listener
    await listener.close()


async def test_workers_work_over_tls(world: World, authority: Authority):
    identity = Identity(*authority.issue("server"))
    trusting = client_context({"FIRMUS_REST_CA": authority.ca})
    async with served(world, identity, trusting) as (api, _):
        await api.register("w", "a", description="x" * 300_000)
        key = await api.start("w", {"x": "y" * 900_000})
        polled = await api.poll("a")
        done = {"workflowInstanceId": key, "taskId": polled[0]["taskId"], "status": "COMPLETED"}
        assert (await api.post("/tasks", done)).status == 200
        assert (await api.get(f"/workflow/{key}")).body["status"] == "COMPLETED"


async def test_who_does_not_trust_the_authority_does_not_talk(
    world: World, authority: Authority, tmp_path: Path
):
    identity = Identity(*authority.issue("server"))
    other = Authority(tmp_path, "other")
    async with served(world, identity, client_context({"FIRMUS_REST_CA": other.ca})) as (api, _):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await api.get("//health")


async def test_clients_may_be_asked_for_a_certificate(
    world: World, authority: Authority, tmp_path: Path
):
    clients, strangers = Authority(tmp_path, "clients"), Authority(tmp_path, "strangers")
    identity = Identity(*authority.issue("server"), client_ca=clients.ca)
    trusting = {"FIRMUS_REST_CA": authority.ca}
    statuses = {}
    for who, files in (
        ("known", clients.issue("known")),
        ("stranger", strangers.issue("stranger")),
        ("nobody", None),
    ):
        own = {"FIRMUS_REST_CERT": files[0], "FIRMUS_REST_KEY": files[1]} if files else {}
        async with served(world, identity, client_context({**trusting, **own})) as (api, _):
            try:
                statuses[who] = (await api.get("//health")).status
            except aiohttp.ClientError:
                statuses[who] = 0
    assert statuses == {"known": 200, "stranger": 0, "nobody": 0}


async def test_an_idle_client_does_not_hold_up_the_end(world: World, authority: Authority):
    identity = Identity(*authority.issue("server"))
    trusting = client_context({"FIRMUS_REST_CA": authority.ca})
    assert trusting is not None
    listener = await service.start(world.ports(), host="127.0.0.1", port=0, identity=identity)
    client = await asyncio.to_thread(asks_once, listener.port, trusting)
    with capture_logs() as told:
        await listener.close()
    client.close()
    assert told == []


async def shown(port: int, ca: str) -> str:
    """The serial number of the certificate that a new connection is shown."""
    context = client_context({"FIRMUS_REST_CA": ca})
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return str(found)


async def test_another_certificate_is_taken_without_a_restart(world: World, authority: Authority):
    identity = Identity(*authority.issue("server"))
    trusting = client_context({"FIRMUS_REST_CA": authority.ca})
    async with served(world, identity, trusting) as (api, listener):
        renewal = listener.renewal
        assert renewal is not None
        first = await shown(listener.port, authority.ca)
        assert renewal.look() is False
        authority.issue("server")
        assert renewal.look() is True
        second = await shown(listener.port, authority.ca)
        Path(identity.cert).write_text("half of a cert")
        os.utime(identity.cert, ns=(1, 1))
        assert renewal.look() is False
        assert await shown(listener.port, authority.ca) == second != first
        assert (await api.get("//health")).status == 200


def test_files_that_are_no_certificate_are_named(authority: Authority, tmp_path: Path):
    cert, key = authority.issue("server")
    _, other_key = authority.issue("other")
    _, locked = authority.issue("locked", password="secret")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing")
    for identity, named in (
        (Identity("missing.pem"), "missing.pem"),
        (Identity(str(garbage)), "garbage.pem"),
        (Identity(cert), cert),
        (Identity(cert, other_key), other_key),
        (Identity(cert, locked), locked),
        (Identity(cert, key, "missing.pem"), "missing.pem"),
        (Identity(cert, key, str(garbage)), "garbage.pem"),
    ):
        with pytest.raises(TlsError) as refused:
            server_context(identity)
        assert named in str(refused.value)
    with pytest.raises(TlsError, match=r"garbage\.pem"):
        client_context({"FIRMUS_REST_CA": str(garbage)})


def test_a_certificate_and_its_key_may_share_a_file(authority: Authority, tmp_path: Path):
    cert, key = authority.issue("server")
    both = tmp_path / "both.pem"
    both.write_text(Path(cert).read_text() + Path(key).read_text())
    context = server_context(Identity(str(both)))
    assert Renewal(Identity(str(both)), context).look() is False
