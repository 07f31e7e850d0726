"""Messages of onStateChange on a real broker."""

import asyncio
from uuid import uuid4

import pytest

from firmus.broker.connection import connect
from firmus.broker.sinks import NatsSinks
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.ports import Unavailable
from firmus_contracts.subjects import MESSAGES_STREAM, message_subject

pytestmark = pytest.mark.nats
HEADERS = {"Nats-Msg-Id": "w/3", "ce-id": "w/3"}


async def test_a_jsm_message_is_stored_once_however_often_it_is_sent(wire) -> None:
    name = f"S{uuid4().hex}"
    config = {"name": name, "subjects": [f"{name}.>"], "allow_direct": True}
    await wire.api(f"STREAM.CREATE.{name}", config)
    sinks = NatsSinks(wire)
    for _ in range(3):
        await sinks.send(f"jsm:{name}.paid", b'{"n":1}', HEADERS)

    stored = await wire.history(name, f"{name}.paid")
    assert [message.data for message in stored] == [b'{"n":1}']


async def test_a_nats_message_reaches_who_listens_with_its_id(wire) -> None:
    heard = await wire.connection.subscribe("plain.paid")
    await wire.connection.flush()
    await NatsSinks(wire).send("nats:plain.paid", b"{}", HEADERS)

    message = await heard.next_msg(timeout=10)
    assert (message.data, message.headers["ce-id"]) == (b"{}", "w/3")


async def test_a_message_of_an_event_is_kept_for_its_handlers(wire) -> None:
    await prepare(wire)
    event = f"a b{uuid4().hex}"
    for _ in range(2):
        await NatsSinks(wire).send(f"conductor:{event}", b"{}", {"Nats-Msg-Id": event})

    stored = await wire.history(MESSAGES_STREAM, message_subject(event))
    assert [message.data for message in stored] == [b"{}"]


async def test_a_subject_that_no_stream_has_is_tried_again_later(wire) -> None:
    with pytest.raises(Unavailable, match=r"jsm:nobody\.stores"):
        await NatsSinks(wire).send("jsm:nobody.stores", b"{}", HEADERS)


async def test_without_a_connection_nothing_is_lost_silently(wire, nats_url) -> None:
    connection = await connect(nats_url, name="sinks test")
    own = await JetStreamWire.open(connection)
    await connection.close()
    for sink in ("nats:plain.paid", "jsm:plain.paid"):
        with pytest.raises(Unavailable):
            async with asyncio.timeout(20):
                await NatsSinks(own).send(sink, b"{}", HEADERS)
