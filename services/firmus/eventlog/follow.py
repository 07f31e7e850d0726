"""Reading a stream from a sequence onwards, for ever: ordered, without a gap or a repetition.

A pull consumer that lives as long as the reading (no acknowledgements, state in memory). Whatever
happens to it (server killed, consumer lost, a message missed) it is replaced by a new one that
starts after the last message handed out.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.wire import JetStreamWire, Unanswered, header_value, status_of
from firmus.eventlog.port import LogTruncated

BATCH_MAX = 1000
IN_FLIGHT_MAX = 2000
PULL_MAX_BYTES = 16 * 1024 * 1024
PULL_EXPIRES_S = 30
HEARTBEAT_S = 2
SILENCE_MAX_S = 5
RETRY_S = 0.05
_NANOS = 1_000_000_000

_ENDED_PULLS = (b"Batch Completed", b"Message Size Exceeds MaxBytes")

Message = tuple[int, bytes, bytes]
"""Sequence, subject, payload."""


class _Lost(Exception):
    """The consumer is gone or has left out a message; start another one."""


async def tail(
    wire: JetStreamWire, stream: str, *, after: int, filters: Sequence[str]
) -> AsyncGenerator[list[Message], None]:
    """Batches of the messages above sequence `after` on the subjects of `filters`.

    Raises LogTruncated, or StreamRefused when there is no such stream.
    """
    last = after
    while True:
        consumer = _Consumer(wire, stream)
        try:
            await consumer.start(last, filters)
            while True:
                batch = await consumer.next_batch()
                last = batch[-1][0]
                yield batch
        except (_Lost, Unanswered):
            await asyncio.sleep(RETRY_S)
            await wire.connection.connected(PULL_EXPIRES_S)
        finally:
            await consumer.stop()


class _Consumer:
    """One life of the consumer."""

    def __init__(self, wire: JetStreamWire, stream: str) -> None:
        self._wire = wire
        self._stream = stream
        self._name = f"tail_{secrets.token_hex(8)}"
        self._inbox = wire.connection.new_inbox()
        self._loop = asyncio.get_running_loop()
        self._buffer: list[Message] = []
        self._asked = 0
        self._delivered = 0
        self._heard_at = 0.0
        self._lost: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None
        self._forget_loss = wire.connection.on_loss(lambda: self._lose("connection lost"))

    async def start(self, after: int, filters: Sequence[str]) -> None:
        state = await self._wire.stream_state(self._stream)
        if state.last_seq < after:
            raise LogTruncated(
                f"{self._stream} ends at {state.last_seq}, but was already read up to {after}"
            )
        self._subscription = await self._wire.connection.open_lane(self._inbox, self._on_message)
        config = {
            "name": self._name,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": after + 1,
            "replay_policy": "instant",
            "filter_subjects": list(filters),
            "inactive_threshold": 2 * PULL_EXPIRES_S * _NANOS,
            "mem_storage": True,
            "num_replicas": 1,
        }
        request = {"stream_name": self._stream, "config": config, "action": "create"}
        await self._wire.api(f"CONSUMER.CREATE.{self._stream}.{self._name}", request)
        self._heard_at = self._loop.time()
        self._pull()
        self._watch = self._loop.call_later(HEARTBEAT_S, self._listen)

    async def stop(self) -> None:
        self._forget_loss()
        if self._watch is not None:
            self._watch.cancel()
        if self._subscription is not None:
            connection = self._wire.connection
            await connection.close_lane(self._subscription)
            if connection.is_connected:
                connection.send(
                    f"PUB $JS.API.CONSUMER.DELETE.{self._stream}.{self._name} 0\r\n\r\n".encode()
                )

    async def next_batch(self) -> list[Message]:
        """What has arrived, at least one message. Raises _Lost when no more will come."""
        if not self._buffer:
            if self._lost is not None:
                raise _Lost(self._lost)
            self._waiter = self._loop.create_future()
            await self._waiter
            self._waiter = None
            if not self._buffer:
                raise _Lost(self._lost)
        if len(self._buffer) <= BATCH_MAX:
            batch, self._buffer = self._buffer, []
        else:
            batch, self._buffer = self._buffer[:BATCH_MAX], self._buffer[BATCH_MAX:]
        if self._asked + len(self._buffer) <= IN_FLIGHT_MAX // 2:
            self._pull()
        return batch

    def _pull(self) -> None:
        count = IN_FLIGHT_MAX - self._asked - len(self._buffer)
        if self._lost is not None or not self._wire.connection.is_connected:
            return
        self._asked += count
        request = msgspec.json.encode(
            {
                "batch": count,
                "max_bytes": PULL_MAX_BYTES,
                "expires": PULL_EXPIRES_S * _NANOS,
                "idle_heartbeat": HEARTBEAT_S * _NANOS,
            }
        )
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        self._wire.connection.send(
            f"PUB {subject} {self._inbox} {len(request)}\r\n".encode() + request + b"\r\n"
        )

    def _on_message(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        self._heard_at = self._loop.time()
        if self._lost is not None:
            return
        status = status_of(header)
        if status:
            self._on_status(status, header)
            return
        # $JS.ACK.[domain.account.]stream.consumer.deliveries.stream seq.consumer seq.time.pending
        fields = reply.split(b".")
        at = 5 if len(fields) == 9 else 7
        self._delivered += 1
        if int(fields[at + 1]) != self._delivered:
            self._lose("a message was left out")
            return
        self._asked -= 1
        self._buffer.append((int(fields[at]), subject, data))
        self._wake()

    def _on_status(self, status: int, header: bytes | None) -> None:
        if status == 100:
            return
        text = b"" if header is None else header[13:]
        if status not in {404, 408} and not text.startswith(_ENDED_PULLS):
            self._lose(f"status {status}")
            return
        self._asked -= int(header_value(header, b"Nats-Pending-Messages") or 0)
        if self._asked + len(self._buffer) <= IN_FLIGHT_MAX // 2:
            self._pull()

    def _listen(self) -> None:
        if self._asked > 0 and self._loop.time() - self._heard_at > SILENCE_MAX_S:
            self._lose("no heartbeat")
            return
        self._watch = self._loop.call_later(HEARTBEAT_S, self._listen)

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
