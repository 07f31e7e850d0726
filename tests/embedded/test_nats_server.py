"""The nats-server that `firmus up` runs: start, stop, restart, orphans, refusals."""

import asyncio
import os
import signal
from pathlib import Path

import nats
import pytest
from tests.nats_server import free_port

from firmus.embedded import nats_binary
from firmus.embedded.datadir import DataDir, claimed
from firmus.embedded.nats_binary import UnusableServerError, find_binary, require_version
from firmus.embedded.nats_server import (
    HOST,
    MAX_PAYLOAD_BYTES,
    NatsServer,
    ServerFailedError,
    configuration,
    port_is_free,
)
from firmus.embedded.processes import identify, runs

pytestmark = pytest.mark.nats


def server_in(directory: DataDir, **options: object) -> NatsServer:
    return NatsServer(directory, **{"port": free_port(), **options})  # type: ignore[arg-type] # test shorthand


async def put(url: str, data: bytes) -> None:
    connection = await nats.connect(url)
    stream = connection.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    await stream.publish("kept", data)
    await connection.close()


async def kept(url: str) -> bytes:
    connection = await nats.connect(url)
    message = await connection.jetstream().get_last_msg("KEPT", "kept")
    await connection.close()
    return message.data or b""


async def test_it_answers_once_started_and_is_gone_once_stopped(directory: DataDir) -> None:
    server = server_in(directory)
    await server.start()
    connection = await nats.connect(server.url)
    assert connection.max_payload == MAX_PAYLOAD_BYTES
    await connection.close()
    await server.stop()
    assert identify(server.pid) is None
    assert list(directory.run.glob("*.ports")) == []


async def test_the_data_and_the_port_outlive_the_server(directory: DataDir) -> None:
    first = server_in(directory)
    await first.start()
    await put(first.url, b"here")
    await first.stop()
    second = NatsServer(directory)
    await second.start()
    try:
        assert second.url == first.url
        assert await kept(second.url) == b"here"
    finally:
        await second.stop()


async def test_an_orphan_is_adopted_and_can_be_stopped(tmp_path: Path) -> None:
    with claimed(tmp_path) as directory:
        left = server_in(directory)
        await left.start()
    with claimed(tmp_path) as directory:
        server = NatsServer(directory)
        await server.start()
        assert server.adopted
        assert server.pid == left.pid
        await server.stop()
    assert await left.wait() == 0


async def test_an_orphan_of_other_durability_is_replaced_and_its_data_kept(
    directory: DataDir,
) -> None:
    left = server_in(directory)
    await left.start()
    await put(left.url, b"here")
    server = NatsServer(directory, durability="power")
    await server.start()
    try:
        assert not server.adopted
        assert await left.wait() == 0
        assert await kept(server.url) == b"here"
    finally:
        await server.stop()


async def test_a_record_whose_pid_now_means_another_process_harms_nobody(
    directory: DataDir,
) -> None:
    server = server_in(directory)
    await server.start()
    record = directory.path / "run" / "nats.json"
    note = record.read_bytes().replace(b'"pid":%d' % server.pid, b'"pid":%d' % os.getpid())
    await server.stop()
    record.write_bytes(note)
    again = NatsServer(directory)
    await again.start()
    assert not again.adopted
    await again.stop()


async def test_a_killed_server_starts_again_on_its_port(directory: DataDir) -> None:
    server = server_in(directory)
    await server.start()
    url = server.url
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    await server.start()
    assert server.url == url
    await server.stop()


async def test_a_taken_port_fails_with_the_words_of_the_server(directory: DataDir) -> None:
    listener = await asyncio.start_server(lambda _reader, _writer: None, HOST, 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        assert not port_is_free(HOST, port)
        with pytest.raises(ServerFailedError, match="address already in use"):
            await NatsServer(directory, port=port).start()
    assert directory.read("run/nats.json", dict) is None


def test_power_loss_safe_means_that_every_append_is_synced(tmp_path: Path) -> None:
    assert "sync_interval: always" in configuration(tmp_path, 1, "power")
    assert 'sync_interval: "2m"' in configuration(tmp_path, 1, "process")


def test_old_and_missing_servers_are_refused() -> None:
    assert require_version("nats-server: v2.15.1", of="it") == "2.15.1"
    with pytest.raises(UnusableServerError, match=r"2\.14 or newer"):
        require_version("nats-server: v2.9.10", of="it")
    with pytest.raises(UnusableServerError, match="does not say"):
        require_version("hello", of="it")
    with pytest.raises(UnusableServerError, match="no-such-program"):
        find_binary("no-such-program")


def test_the_bundled_server_is_preferred_and_new_enough() -> None:
    assert nats_binary.version_of(find_binary())


def test_a_process_is_known_by_more_than_its_pid() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert runs(me)
    assert not runs(type(me)(pid=me.pid, started="earlier"))
