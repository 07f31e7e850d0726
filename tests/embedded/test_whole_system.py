"""`firmus up` and `firmus demo` as a user runs them: whole processes, real signals."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from firmus.console.rest import RestClient
from firmus.embedded.datadir import Address, read_address, read_note
from firmus.embedded.nats_server import ServerRecord
from firmus.embedded.processes import ProcessRecord, runs
from firmus.worker import Client, Worker, task

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

FLOW = {
    "name": "flow",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "a@example.com",
    "tasks": [
        {
            "name": "double",
            "taskReferenceName": "double",
            "type": "SIMPLE",
            "inputParameters": {"n": "${workflow.input.n}"},
        }
    ],
    "outputParameters": {"twice": "${double.output.result}"},
}


@task("double")
async def double(given: dict[str, int]) -> int:
    return given["n"] * 2


@contextlib.asynccontextmanager
async def firmus(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ended at the latest with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "firmus", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if arguments[0] == "tail" else None,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def announced(process: asyncio.subprocess.Process, path: Path) -> Address:
    assert process.stdout is not None
    while b"Ctrl-C" not in (line := await process.stdout.readline()):
        assert line, "it ended before it was up"
    address = read_address(path)
    assert address is not None
    return address


def up(path: Path) -> tuple[str, ...]:
    return ("up", "--data-dir", str(path), "--port", "0", "--log-level", "warning")


def started_by(path: Path) -> list[ProcessRecord]:
    server = read_note(path / "run" / "nats.json", ServerRecord)
    projection = read_note(path / "run" / "projection.json", ProcessRecord)
    assert server is not None
    assert projection is not None
    return [server.process, projection]


async def test_what_was_done_outlives_a_killed_system_and_nothing_is_left_running(
    tmp_path: Path,
) -> None:
    async with firmus(*up(tmp_path)) as process:
        address = await announced(process, tmp_path)
        await asyncio.to_thread(RestClient(address.rest).register_workflow, FLOW)
        async with Client(address.nats) as client:
            before = await client.start("flow", {"n": 4}, idempotency_key="k")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with firmus(*up(tmp_path)) as process:
        address = await announced(process, tmp_path)
        worker = Worker(address.nats, [double])
        working = asyncio.create_task(worker.run())
        async with Client(address.nats) as client:
            workflow = await client.wait(before)
            again = await client.start("flow", {"n": 5}, idempotency_key="k")
        worker.stop()
        await working
        children = started_by(tmp_path)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert workflow.output == {"twice": 8}
    assert again == before
    assert [child for child in children if runs(child)] == []
    assert read_address(tmp_path) is None


async def test_the_demo_runs_all_orders_and_shows_the_history_of_one(tmp_path: Path) -> None:
    async with firmus("demo", "--orders", "4", "--data-dir", str(tmp_path)) as process:
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert "4 COMPLETED" in text
    assert "card charged at try 3" in text
    assert text.count("task.failed") == 2
    assert "workflow.completed" in text


async def test_start_events_and_the_audit_commands_work_on_a_running_system(
    tmp_path: Path,
) -> None:
    async with firmus(*up(tmp_path)) as process:
        address = await announced(process, tmp_path)
        rest = RestClient(address.rest)
        await asyncio.to_thread(rest.register_workflow, FLOW)
        where = ("--nats-url", address.nats)
        async with firmus("tail", "workflow.started.>", "--count", "1", "--json", *where) as tail:
            assert tail.stderr is not None
            assert b"listening" in await tail.stderr.readline()
            async with Client(address.nats) as client:
                await client.publish_start_event("flow", {"n": 1}, message_id="m1")
            told, _ = await tail.communicate()
        workflow_id = msgspec.json.decode(told)["data"]["workflowId"]
        async with firmus("log", workflow_id, "--url", address.rest, *where) as log:
            history, _ = await log.communicate()
        async with firmus("get", workflow_id, "--url", address.rest) as get:
            shown, _ = await get.communicate()
    assert b"workflow.started" in history
    assert b"[start_workflow by nats]" in history
    assert msgspec.json.decode(shown)["input"] == {"n": 1}
