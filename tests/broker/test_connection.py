import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg
from tests.nats_server import NatsServer, free_port

from firmus.broker.connection import (
    BrokerUnavailable,
    BrokerUnsuitable,
    Connection,
    connect,
    require_version,
)


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await connect(nats_url, name="test")
    yield connection
    await connection.close()


@pytest.mark.parametrize("version", ["2.14.0", "2.15.1", "v2.14.3", "3.0.0", "2.15.0-beta.1"])
def test_servers_from_2_14_on_are_accepted(version: str) -> None:
    require_version(version)


@pytest.mark.parametrize("version", ["2.13.9", "2.9.10", "1.4.1", "", "weekly"])
def test_older_servers_are_refused_by_name(version: str) -> None:
    with pytest.raises(BrokerUnsuitable, match=r"needs 2\.14"):
        require_version(version)


async def test_no_server_is_said_without_showing_the_password() -> None:
    url = f"nats://me:secret@127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnavailable, match=r"at 127\.0\.0\.1") as raised:
        await connect(url, name="test", within_s=0.2)
    assert "secret" not in str(raised.value)


async def test_a_lane_gets_messages_whole_and_unparsed(connection: Connection) -> None:
    met: asyncio.Queue[tuple[bytes, bytes, bytes, bytes | None]] = asyncio.Queue()
    subscription = await connection.open_lane("lane.*", lambda *message: met.put_nowait(message))
    connection.send(b"PUB lane.a 2\r\nhi\r\n")
    connection.send(b"HPUB lane.b back.to 18 20\r\nNATS/1.0\r\na: b\r\n\r\nho\r\n")
    assert await met.get() == (b"lane.a", b"", b"hi", None)
    assert await met.get() == (b"lane.b", b"back.to", b"ho", b"NATS/1.0\r\na: b\r\n\r\n")
    await connection.close_lane(subscription)
    await connection.publish("lane.a", b"nobody listens")
    await connection.flush()
    assert met.empty()


async def test_what_was_sent_before_a_flush_is_with_the_server_after_it(
    connection: Connection, nats_url: str
) -> None:
    asking = await connect(nats_url, name="asking")
    for number in range(50):
        subject = f"flushed.{number}"
        await connection.subscribe(subject, cb=_echo)
        await connection.flush()
        assert (await asking.request(subject, b"there?", timeout=5)).data == b"there?"
    await asking.close()


async def _echo(message: Msg) -> None:
    await message.respond(message.data)


async def test_a_lane_that_fails_does_not_stop_the_others(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("this one is wrong")

    met: asyncio.Queue[bytes] = asyncio.Queue()
    await connection.open_lane("bad", fail)
    await connection.open_lane("good", lambda _s, _r, data, _h: met.put_nowait(data))
    await connection.publish("bad", b"")
    await connection.publish("good", b"still here")
    assert await met.get() == b"still here"
    assert "this one is wrong" in caplog.text


async def test_ordinary_subscriptions_work_beside_lanes(connection: Connection) -> None:
    subscription = await connection.subscribe("plain")
    await connection.publish("plain", b"1", headers={"a": "b"})
    message = await subscription.next_msg(timeout=10)
    assert (message.data, message.headers) == (b"1", {"a": "b"})


async def test_a_lost_connection_is_told_and_comes_back_with_its_lanes(
    own_server: NatsServer,
) -> None:
    connection = await connect(own_server.url, name="test")
    lost = asyncio.Event()
    met: asyncio.Queue[bytes] = asyncio.Queue()
    forget = connection.on_loss(lost.set)
    await connection.open_lane("lane", lambda _s, _r, data, _h: met.put_nowait(data))
    own_server.kill()
    await lost.wait()
    assert not await connection.connected(0.02)
    await asyncio.to_thread(own_server.start)
    assert await connection.connected(10)
    await connection.publish("lane", b"again")
    assert await met.get() == b"again"
    forget()
    await connection.close()
    assert not await connection.connected(1)
