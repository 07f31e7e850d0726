"""EVENT tasks with a NATS sink, on a real server (spec 3.6.18)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from firmus.broker.connection import Connection, connect
from firmus.systemworker import event_sink
from firmus.systemworker.event_sink import NatsEvents
from firmus.systemworker.work import Outcome, Work

pytestmark = pytest.mark.nats
OUTPUT = {"sink": "s", "k": "${workflow.secrets.s}", "event_produced": "jsm:a", "workflowType": "w"}


@pytest_asyncio.fixture
async def connection(fresh_streams: str) -> AsyncIterator[Connection]:
    found = await connect(fresh_streams, name="event test")
    yield found
    await found.close()


async def sent(connection: Connection, sink: str, task_id: str = "t1", **given: Any) -> Outcome:
    work = Work(
        task_type="EVENT",
        task_id=task_id,
        workflow_instance_id="w",
        input_data={"sink": sink, "k": "bound", **given},
        output_data=OUTPUT,
    )
    return await NatsEvents(connection).execute(work)


async def test_a_stream_keeps_a_task_once_however_often_it_is_sent(connection: Connection) -> None:
    stream = connection.jetstream()
    await stream.add_stream(name="ORDERS", subjects=["orders.>"])
    for task_id in ("t1", "t1", "t2", "t1"):
        assert (await sent(connection, "jsm:orders.new", task_id)).status == "COMPLETED"
    assert (await stream.stream_info("ORDERS")).state.messages == 2


async def test_the_message_has_the_secrets_and_the_output_has_not(connection: Connection) -> None:
    listening = await connection.subscribe("orders.new")
    await connection.flush()
    outcome = await sent(connection, "nats:orders.new")
    message = await listening.next_msg(timeout=5)
    assert json.loads(message.data) == {**OUTPUT, "sink": "nats:orders.new", "k": "bound"}
    assert message.headers == {"Nats-Msg-Id": "t1"}
    assert outcome.output == OUTPUT


async def test_async_complete_is_sent_and_stays_open(connection: Connection) -> None:
    assert (await sent(connection, "nats:a", asyncComplete=True)).status == "IN_PROGRESS"


@pytest.mark.parametrize(
    "sink",
    [
        *("nats:", "nats:a b", "nats:a..b", "nats:a.*", "jsm:a.>", "sqs:queue"),
        *("nats:firmus.cmd.1", "nats:workflow.failed.x.y", "jsm:$JS.API.INFO", "nats:_INBOX.x"),
    ],
)
async def test_what_cannot_or_must_not_be_published_to_fails(
    connection: Connection, sink: str
) -> None:
    outcome = await sent(connection, sink)
    assert (outcome.status, outcome.output) == ("FAILED", OUTPUT)
    assert str(outcome.reason).startswith("Cannot publish to ")


async def test_a_subject_without_a_stream_fails_clearly(connection: Connection) -> None:
    outcome = await sent(connection, "jsm:nobody.here")
    assert "no JetStream stream has this subject" in str(outcome.reason)


async def test_a_stream_that_comes_late_is_found(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sink, "TRIES", 50)
    sending = asyncio.create_task(sent(connection, "jsm:late.one"))
    await connection.jetstream().add_stream(name="LATE", subjects=["late.>"])
    assert (await sending).status == "COMPLETED"
