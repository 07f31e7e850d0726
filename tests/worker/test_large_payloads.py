"""Payloads larger than a message travel between processes, there and back (spec 1.10)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from firmus.broker.connection import connect
from firmus.broker.rejections import MemoryRejections
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import SystemClock
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.eventlog.uploads import JetStreamUploads
from firmus.ports import ScriptResult
from firmus.transport.decider import DeciderServer, RemoteDecider
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef, WorkflowTask

VALUE = {"big": "x" * (10 * 1024 * 1024 - 100), "none": None}


class NoScripts:
    async def run(self, evaluator: str, expression: str, scope: Any) -> ScriptResult:
        raise AssertionError("nothing here runs scripts")


class Two:
    """A decider that owns the log, and somebody far from it."""

    def __init__(self, near: Decider, far: RemoteDecider, uploads: JetStreamUploads) -> None:
        self.near, self.far, self.uploads = near, far, uploads


@pytest.fixture
async def two(fresh_streams: str) -> AsyncIterator[Two]:
    connection = await connect(fresh_streams, name="large payloads")
    wire = await JetStreamWire.open(connection)
    layout = await prepare(wire, shards=2)
    blobs = JetStreamBlobs(wire)
    log = JetStreamLog(wire, blobs, shards=layout.shards)
    definitions = MemoryDefinitions(SystemClock(), blobs)
    task = WorkflowTask(name="ask", task_reference_name="ask", type="HUMAN")
    await definitions.put_workflow(WorkflowDef(name="flow", tasks=[task]), overwrite=True)
    near = Decider(
        log=log,
        definitions=definitions,
        scripts=NoScripts(),
        clock=SystemClock(),
        rejections=MemoryRejections(),
    )
    server = DeciderServer(connection, near, blobs)
    await server.own(range(layout.shards))
    far = RemoteDecider(connection, log, shards=layout.shards, blobs=blobs)
    yield Two(near, far, JetStreamUploads(wire, blobs))
    await server.stop()
    await wire.close()
    await connection.close()


async def test_a_payload_of_the_largest_size_comes_back_unchanged(two: Two) -> None:
    workflow_id = ids.mint_workflow_id(SystemClock().now_ms(), 7)
    start = cmd.StartWorkflow(command_id="s", workflow_id=workflow_id, name="flow", input=VALUE)
    assert isinstance(await two.far.submit(start), cmd.Accepted)
    task_id = ids.task_id(workflow_id, 1)
    update = cmd.UpdateTask(
        command_id="u", workflow_id=workflow_id, task_id=task_id, output={"back": VALUE["big"]}
    )
    assert isinstance(await two.far.submit(update), cmd.Accepted)

    near, far = await two.near.read(workflow_id), await two.far.read(workflow_id)
    assert near is not None
    assert (near.status, near.input, near.output) == ("COMPLETED", VALUE, {"back": VALUE["big"]})
    assert far == near


async def test_a_claim_that_nobody_left_is_refused(two: Two) -> None:
    workflow_id = ids.mint_workflow_id(SystemClock().now_ms(), 8)
    answer = await two.far.submit(
        cmd.StartWorkflow(
            command_id="s", workflow_id=workflow_id, name="flow", claims={"input": "0" * 64}
        )
    )

    assert isinstance(answer, cmd.Rejected)
    assert answer.code == "INVALID"


async def test_an_upload_is_found_by_its_path_and_may_be_replaced(two: Two) -> None:
    await two.uploads.put("task/output/one.json", b"{}")
    await two.uploads.put("task/output/one.json", b'{"n":2}')

    assert await two.uploads.get("task/output/one.json") == b'{"n":2}'
    with pytest.raises(KeyError):
        await two.uploads.get("task/output/other.json")
