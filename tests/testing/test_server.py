"""`firmus_server`: a whole firmus for tests with real workers."""

import asyncio
from pathlib import Path

import pytest

from firmus.embedded.datadir import read_note
from firmus.embedded.nats_server import ServerRecord
from firmus.embedded.processes import ProcessRecord, runs
from firmus.testing.server import running_server
from firmus.worker import Worker, task
from tests.flow import simple

pytestmark = [pytest.mark.e2e, pytest.mark.nats]


@task("greet")
async def greet(given: dict[str, str]) -> dict[str, str]:
    return {"greeting": f"hello {given['name']}"}


def processes(data: Path) -> list[ProcessRecord]:
    found = [read_note(path, ProcessRecord) for path in data.joinpath("run").glob("*.json")]
    server = read_note(data / "run" / "nats.json", ServerRecord)
    return [one for one in (*found, server and server.process) if one is not None]


async def test_a_real_worker_works_and_nothing_is_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "firmus"
    greeting = {**simple("greet"), "inputParameters": {"name": "${workflow.input.name}"}}
    with running_server(folder) as server:
        server.register({"name": "hello", "version": 1, "tasks": [greeting]})
        started = processes(folder / "data")
        working = asyncio.create_task(Worker(server.nats_url, [greet]).run())
        workflow_id = server.start("hello", {"name": "Ada"})
        ended = await asyncio.to_thread(server.wait, workflow_id)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        waiting = server.start("hello", {"name": "Bob"})
        with pytest.raises(TimeoutError, match="hello is RUNNING after 0 s"):
            server.wait(waiting, within_s=0)
    assert (ended["status"], ended["output"]) == ("COMPLETED", {"greeting": "hello Ada"})
    assert started
    assert [one for one in started if runs(one)] == []
    assert not folder.exists()


def test_one_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"firmus did not come up:\n(.|\n)*no-such-flag"),
        running_server(tmp_path / "firmus", "--no-such-flag"),
    ):
        pass
