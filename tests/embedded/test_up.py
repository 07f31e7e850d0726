"""`firmus up` around services that only answer /health: what starts, what is told, what stops."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import nats
import pytest
from tests.nats_server import free_port

from firmus.embedded.datadir import DirectoryInUseError, claimed, read_address
from firmus.embedded.up import StartFailedError, rest_url, running
from firmus.settings import Settings

pytestmark = pytest.mark.nats


class Services:
    """Answers every request with 200 while it runs; remembers what it was started with."""

    def __init__(self) -> None:
        self.runs: list[Settings] = []
        self.running = 0
        self.fall = asyncio.Event()

    async def __call__(self, settings: Settings) -> None:
        self.runs.append(settings)
        server = await asyncio.start_server(self._answer, settings.host, settings.port)
        self.running += 1
        try:
            async with server:
                await self.fall.wait()
                self.fall.clear()
                raise RuntimeError("fell over")
        finally:
            self.running -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readline()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def settings_in(path: Path) -> Settings:
    return Settings(data_dir=str(path), port=0, nats_port=free_port(), processes="one")


async def test_the_services_get_the_broker_and_the_address_is_told_and_forgotten(
    tmp_path: Path,
) -> None:
    services = Services()
    async with running(settings_in(tmp_path), services=services) as (address, _):
        assert read_address(tmp_path) == address
        assert services.runs[0].nats_url == address.nats
        assert address.rest == rest_url(services.runs[0])
        connection = await nats.connect(address.nats)
        await connection.close()
    assert services.running == 0
    assert read_address(tmp_path) is None
    with claimed(tmp_path):
        pass


async def test_a_second_up_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings, services=Services()):
        with pytest.raises(DirectoryInUseError, match=str(os.getpid())):
            async with running(settings, services=Services()):
                pass


async def test_fallen_services_and_a_killed_broker_come_back(tmp_path: Path) -> None:
    services = Services()
    async with running(settings_in(tmp_path), services=services) as (address, directory):
        services.fall.set()
        while len(services.runs) < 2:
            await asyncio.sleep(0.005)
        note = directory.read("run/nats.json", dict[str, object])
        assert note is not None
        os.kill(note["process"]["pid"], signal.SIGKILL)  # type: ignore[index] # a known record
        while directory.read("run/nats.json", dict[str, object]) == note:
            await asyncio.sleep(0.005)
        connection = await nats.connect(address.nats)
        await connection.close()


async def test_services_that_cannot_start_are_an_error_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    async def broken(settings: Settings) -> None:
        raise ValueError("no such thing")

    with pytest.raises(StartFailedError, match="no such thing"):
        async with running(settings_in(tmp_path), services=broken):
            pass
    assert not (tmp_path / "run" / "nats.json").exists()


async def test_a_taken_rest_port_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    settings = Settings(data_dir=str(tmp_path), port=port)
    async with listener:
        with pytest.raises(StartFailedError, match="--port"):
            async with running(settings, services=Services()):
                pass
