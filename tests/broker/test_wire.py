import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.nats_server import NatsServer

from firmus.broker.connection import BrokerUnsuitable, connect
from firmus.broker.wire import (
    JetStreamWire,
    StreamRefused,
    Unanswered,
    WrongLastSequence,
    _Error,
    _refusal,
    header_value,
    status_of,
)

pytestmark = pytest.mark.nats
STREAM = {"name": "S", "subjects": ["s.>"], "allow_direct": True, "storage": "memory"}


@pytest.fixture
async def wire(fresh_streams: str) -> AsyncIterator[JetStreamWire]:
    connection = await connect(fresh_streams, name="test")
    wire = await JetStreamWire.open(connection)
    await wire.api("STREAM.CREATE.S", STREAM)
    yield wire
    await wire.close()
    await connection.close()


async def test_publishes_are_confirmed_with_their_sequence(wire: JetStreamWire) -> None:
    sequences = await asyncio.gather(*(wire.publish(f"s.{n}", b"x") for n in range(500)))
    assert sequences == list(range(1, 501))


async def test_an_expectation_that_does_not_hold_is_refused(wire: JetStreamWire) -> None:
    assert await wire.publish("s.a", b"1", expected=0) == 1
    with pytest.raises(WrongLastSequence):
        await wire.publish("s.a", b"2", expected=0)
    assert await wire.publish("s.a", b"2", expected=1) == 2


async def test_headers_are_stored(wire: JetStreamWire) -> None:
    await wire.publish("s.a", b"1", headers={"ce-id": "x/1", "ce-type": "t.v1"})
    message = await wire.connection.jetstream().get_last_msg("S", "s.a")
    assert message.headers == {"ce-id": "x/1", "ce-type": "t.v1"}


async def test_a_subject_without_a_stream_is_unanswered(wire: JetStreamWire) -> None:
    with pytest.raises(Unanswered):
        await wire.publish("no.such.stream", b"")


async def test_a_missing_stream_is_refused(wire: JetStreamWire) -> None:
    with pytest.raises(StreamRefused) as refused:
        await wire.stream_state("NOPE")
    assert refused.value.code == 10059


@pytest.mark.parametrize("leader", [False, True])
async def test_the_last_message_of_a_subject(wire: JetStreamWire, leader: bool) -> None:
    await wire.publish("s.a", b"1")
    await wire.publish("s.a", b"2\r\n\x00", headers={"Nats-Sequence-Like": "9"})
    await wire.publish("s.b", b"3")
    last = await wire.last("S", "s.a", leader=leader)
    assert last is not None
    assert (last.sequence, last.subject, last.data) == (2, "s.a", b"2\r\n\x00")
    assert await wire.last("S", "s.none", leader=leader) is None


async def test_the_first_message_after_a_sequence(wire: JetStreamWire) -> None:
    for subject in ("s.a", "s.b", "s.a"):
        await wire.publish(subject, subject.encode())
    first = await wire.first_after("S", "s.a", 1)
    assert first is not None
    assert first.sequence == 3
    assert await wire.first_after("S", "s.a", 3) is None


async def test_a_long_history_is_read_page_by_page(wire: JetStreamWire) -> None:
    await asyncio.gather(*(wire.publish(f"s.{n % 2}", b"%d" % n) for n in range(1400)))
    history = await wire.history("S", "s.0", after=3)
    assert [message.sequence for message in history] == list(range(5, 1400, 2))
    assert await wire.history("S", "s.0", after=1400) == []


async def test_the_last_of_many_subjects_comes_page_by_page(wire: JetStreamWire) -> None:
    data = b"x" * 1_000_000
    for n in range(12):
        await wire.publish(f"s.{n}", data)
    found = await wire.last_of_each("S", ["s.*"])
    assert [message.subject for message in found] == [f"s.{n}" for n in range(12)]
    assert all(message.data == data for message in found)


async def test_more_subjects_than_one_request_may_name_are_refused(wire: JetStreamWire) -> None:
    await asyncio.gather(*(wire.publish(f"s.{n}", b"") for n in range(1025)))
    with pytest.raises(StreamRefused):
        await wire.last_of_each("S", ["s.*"])


async def test_a_message_above_the_server_limit_is_not_sent(wire: JetStreamWire) -> None:
    with pytest.raises(BrokerUnsuitable, match="max_payload"):
        await wire.publish("s.a", b"x" * (wire.message_max_bytes + 1))
    assert await wire.publish("s.a", b"x" * wire.message_max_bytes) == 1


async def test_a_lost_connection_ends_every_call(own_server: NatsServer) -> None:
    connection = await connect(own_server.url, name="test")
    wire = await JetStreamWire.open(connection)
    await wire.api("STREAM.CREATE.S", STREAM)
    own_server.freeze()
    calls = [
        asyncio.ensure_future(wire.publish("s.a", b"")),
        asyncio.ensure_future(wire.history("S", "s.a")),
    ]
    await asyncio.sleep(0)
    own_server.kill()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [Unanswered, Unanswered]
    with pytest.raises(Unanswered, match="not connected"):
        await wire.publish("s.a", b"")
    await wire.close()
    await connection.close()


async def test_a_closed_wire_answers_nothing(nats_url: str) -> None:
    connection = await connect(nats_url, name="test")
    wire = await JetStreamWire.open(connection)
    await wire.close()
    with pytest.raises(Unanswered):
        await wire.api("INFO")
    await connection.close()


@pytest.mark.parametrize(
    ("code", "number", "kind"),
    [
        (400, 10071, WrongLastSequence),
        (400, 10164, WrongLastSequence),
        (503, 10008, Unanswered),
        (400, 10054, StreamRefused),
    ],
)
def test_refusals_say_whether_trying_again_can_help(
    code: int, number: int, kind: type[Exception]
) -> None:
    assert type(_refusal(_Error(code, number, "text"))) is kind


def test_header_blocks_are_read_from_the_end() -> None:
    block = b"NATS/1.0\r\nNats-Sequence: 1\r\nNats-Sequence: 22\r\n\r\n"
    assert header_value(block, b"Nats-Sequence") == b"22"
    assert header_value(block, b"Nats-Seq") is None
    assert header_value(None, b"Nats-Sequence") is None
    assert status_of(block) == 0
    assert status_of(b"NATS/1.0 404 Message Not Found\r\n\r\n") == 404
    assert status_of(None) == 0
