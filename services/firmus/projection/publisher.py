"""The EVENTS publisher: public events onto the stream, each once, in log order.

Its cursor is the last message of EVENTS itself: position and commit stand in the headers, the
version in `ce-id`. Each message expects the id of the event before it as the last one stored (the
first one a sequence), so a lost message, a repetition or somebody else's breaks the chain instead
of spoiling the stream, and two publishers at once store each event once. One acknowledgement per
batch is enough: the last message is stored only if all before it are.

On a replicated stream each message expects a sequence instead and is acknowledged: a replica that
catches up does not know the last id, and one message that expects an id stops it for good
(nats-server 2.15.1). What is stored behind a refused message, in the place of somebody else's, is
removed and published again.
"""

import asyncio
import base64
import logging
import secrets
from collections import deque

import msgspec

from firmus.broker.wire import (
    NO_MESSAGE,
    JetStreamWire,
    StreamRefused,
    StreamState,
    Unanswered,
)
from firmus.eventlog.port import EventLog
from firmus.projection.cursors import EventsCursor
from firmus.projection.publication import parse_event_id, without_payloads
from firmus_contracts.public_events import COMMIT_HEADER, POSITION_HEADER, PublicEvent
from firmus_contracts.subjects import EVENTS_STREAM

ACK_EVERY = 256
IN_FLIGHT_MAX = 2000
ACK_TIMEOUT_S = 5.0
ORPHANS_MAX = 10_000
CAREFUL_EVENTS = 256
HEADER_ROOM_BYTES = 16 * 1024
MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_ID = "Nats-Expected-Last-Msg-Id"
EXPECTED_SEQUENCE = "Nats-Expected-Last-Sequence"

_log = logging.getLogger(__name__)


class PublishBroken(Exception):
    """The chain of messages broke; what is in EVENTS must be read again before going on."""


class ForeignEvents(Exception):
    """EVENTS does not belong to this log; nothing is published or removed."""


class Resumed(msgspec.Struct, frozen=True):
    """Where to go on. The next `skip` public events after the cursor are in EVENTS already: their
    messages have aged out of it, their number is known.
    """

    cursor: EventsCursor
    skip: int = 0


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A public event and where in the log it comes from."""

    event: PublicEvent
    position: int
    version: int


class _Ack(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    error: dict[str, object] | None = None


class _Message(msgspec.Struct):
    seq: int
    hdrs: str = ""


class _Answer(msgspec.Struct):
    message: _Message


class _Config(msgspec.Struct):
    num_replicas: int = 1


class _Info(msgspec.Struct):
    config: _Config
    state: StreamState


_decode_ack = msgspec.json.Decoder(_Ack).decode
_decode_info = msgspec.json.Decoder(_Info).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


class EventsPublisher:
    """`open`, then `resume`, then `send`; after PublishBroken `resume` again. Not for two users."""

    def __init__(self, wire: JetStreamWire) -> None:
        self._wire = wire
        self._connection = wire.connection
        self._inbox = f"{wire.connection.new_inbox()}."
        self._lane: object | None = None
        self._sequence = 0
        self._last_id: str | None = None
        self._replicated = False
        self._refused: int | None = None
        self._sent: deque[EventsCursor] = deque()
        self._careful = 0
        self._broken: asyncio.Future[None] = wire.loop.create_future()
        self._room = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._forget_loss = self._connection.on_loss(lambda: self._break("connection lost"))
        self.acked = EventsCursor()

    @classmethod
    async def open(cls, wire: JetStreamWire) -> "EventsPublisher":
        publisher = cls(wire)
        publisher._lane = await wire.connection.open_lane(f"{publisher._inbox}*", publisher._on_ack)
        return publisher

    async def close(self) -> None:
        self._forget_loss()
        self._break("closed")
        if self._lane is not None:
            await self._connection.close_lane(self._lane)  # type: ignore[arg-type]  # made by open_lane
            self._lane = None

    async def resume(self, log: EventLog, checkpoint: EventsCursor) -> Resumed:
        """Finds the last public event that the log knows; removes from EVENTS what comes after it.

        Such orphans are left when the log lost its end (power) and EVENTS did not. `checkpoint` is
        an older cursor, used when all messages have aged out. Raises ForeignEvents, Unanswered.
        """
        info = _decode_info(await self._wire.api(f"STREAM.INFO.{EVENTS_STREAM}"))
        state, self._replicated = info.state, info.config.num_replicas > 1
        found, orphans = await self._last_in_log(log)
        cursor, skip = found or EventsCursor(), 0
        if found is None and state.last_seq and not orphans:
            cursor = checkpoint if checkpoint.sequence <= state.last_seq else EventsCursor()
            skip = state.last_seq - cursor.sequence
        self._careful = CAREFUL_EVENTS if orphans or self._broken.done() else 0
        self._restart_chain(state.last_seq, cursor)
        return Resumed(cursor, skip)

    def _restart_chain(self, sequence: int, cursor: EventsCursor) -> None:
        self._sequence = sequence
        self._last_id = self._refused = None
        self._sent.clear()
        self._inbox_epoch = secrets.token_hex(3)
        if self._broken.done():
            self._broken.exception()
        self._broken = self._wire.loop.create_future()
        self._room.set()
        self._stop_timer()
        self.acked = cursor

    async def _last_in_log(self, log: EventLog) -> tuple[EventsCursor | None, int]:
        """The newest message whose commit the log holds, and how many newer ones were removed.

        What others have put on the stream is passed over and stays.
        """
        orphans: list[int] = []
        foreign = 0
        end = await log.end()
        message = await self._message()
        while message is not None:
            origin = _origin_of(message)
            misplaced = self._refused is not None and message.seq > self._refused
            if origin is not None and not misplaced and await _holds(log, end, origin):
                break
            if origin is None:
                foreign += 1
            else:
                orphans.append(message.seq)
            if len(orphans) + foreign > ORPHANS_MAX or (orphans and end == 0):
                raise ForeignEvents("the messages of EVENTS are not of this log")
            message = await self._message(message.seq - 1)
        if foreign:
            _log.warning("EVENTS holds %d messages that firmus did not write", foreign)
        if orphans:
            why = "the log has lost its end" if self._refused is None else "one was refused"
            _log.error("%s: the last %d public events are removed from EVENTS", why, len(orphans))
        for sequence in orphans:
            await self._wire.api(f"STREAM.MSG.DELETE.{EVENTS_STREAM}", {"seq": sequence})
        return (origin.cursor if message is not None and origin else None), len(orphans)

    async def _message(self, at: int | None = None) -> "_Message | None":
        """The last message of EVENTS, or the last one up to the sequence `at`."""
        first = 1
        while at is None or at >= first:
            request = {"last_by_subj": ">"} if at is None else {"seq": at}
            try:
                answer = await self._wire.api(f"STREAM.MSG.GET.{EVENTS_STREAM}", request)
            except StreamRefused as refused:
                if refused.code != NO_MESSAGE:
                    raise
                if at is None:
                    return None
                at -= 1
                state = await self._wire.stream_state(EVENTS_STREAM)
                first = state.first_seq if state.messages else at + 1
                continue
            return _decode_answer(answer).message
        return None

    async def send(self, events: list[Outgoing]) -> None:
        """Publishes events after all sent before. Returns when there is room for more, not when
        they are stored: `acked` tells that. Raises PublishBroken.
        """
        while self._careful and events:
            await self._send_carefully(events[0])
            events = events[1:]
        last = len(events) - 1
        for index, outgoing in enumerate(events):
            asks = self._replicated or index == last or index % ACK_EVERY == ACK_EVERY - 1
            self._put(outgoing, asks=asks)
            if asks:
                await self._until_room()
        if self._broken.done():
            self._broken.result()

    def _put(self, outgoing: Outgoing, *, asks: bool) -> None:
        if self._broken.done():
            self._broken.result()
        event = self._fitting(outgoing.event)
        lines = "\r\n".join([f"{key}: {value}" for key, value in event.headers.items()])
        block = f"NATS/1.0\r\n{self._expectation()}\r\n{lines}\r\n\r\n".encode()
        self._sequence += 1
        self._last_id = None if self._replicated else event.headers[MESSAGE_ID]
        reply = ""
        if asks:
            reply = f"{self._inbox}{self._inbox_epoch}-{self._sequence} "
            self._sent.append(EventsCursor(outgoing.position, outgoing.version, self._sequence))
            self._start_timer()
        total = len(block) + len(event.body)
        self._connection.send(
            b"HPUB %b %d %d\r\n%b%b\r\n"
            % (f"{event.subject} {reply}".rstrip().encode(), len(block), total, block, event.body)
        )

    def _expectation(self) -> str:
        if self._last_id is None:
            return f"{EXPECTED_SEQUENCE}: {self._sequence}"
        return f"{EXPECTED_ID}: {self._last_id}"

    def _fitting(self, event: PublicEvent) -> PublicEvent:
        if len(event.body) <= self._connection.max_payload - HEADER_ROOM_BYTES:
            return event
        _log.warning("a public event on %s is too large; its payloads are left out", event.subject)
        return without_payloads(event)

    async def _send_carefully(self, outgoing: Outgoing) -> None:
        """One message and its acknowledgement: after trouble, when a repetition may be refused.

        The id of an orphan that was removed is still remembered as a duplicate for a while; an
        event of that id is stored without it.
        """
        self._careful -= 1
        event = self._fitting(outgoing.event)
        expectation = {EXPECTED_SEQUENCE: str(self._sequence)}
        try:
            stored = await self._wire.publish(
                event.subject, event.body, headers={**event.headers, **expectation}
            )
            if stored <= self._sequence:
                headers = {k: v for k, v in event.headers.items() if k != MESSAGE_ID}
                stored = await self._wire.publish(
                    event.subject, event.body, headers={**headers, **expectation}
                )
        except (Unanswered, StreamRefused) as fault:
            self._break(str(fault))
            raise PublishBroken(str(fault)) from fault
        self._sequence = stored
        self.acked = EventsCursor(outgoing.position, outgoing.version, stored)

    async def _until_room(self) -> None:
        while self._sent and self._sequence - self._acked_sequence() > IN_FLIGHT_MAX:
            self._room.clear()
            await self._room.wait()
            if self._broken.done():
                self._broken.result()

    def _acked_sequence(self) -> int:
        return self.acked.sequence

    async def drained(self) -> None:
        """Waits until everything sent is stored. Raises PublishBroken."""
        while self._sent:
            self._room.clear()
            await self._room.wait()
            if self._broken.done():
                self._broken.result()

    async def watch(self) -> None:
        """Never returns; raises PublishBroken when the chain breaks."""
        await asyncio.shield(self._broken)

    def _on_ack(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del reply
        epoch, _, sequence = subject[len(self._inbox) :].decode().partition("-")
        if epoch != self._inbox_epoch or not self._sent or self._broken.done():
            return
        if header is not None and not data:
            self._break("the broker has no stream for public events")
            return
        ack = _decode_ack(data)
        cursor = self._sent.popleft()
        if ack.error is not None and self._replicated:
            self._refused = cursor.sequence
        if ack.error is not None or ack.seq != cursor.sequence or ack.seq != int(sequence):
            self._break(f"expected {cursor.sequence}, answered {data.decode('utf-8', 'replace')}")
            return
        self.acked = cursor
        self._room.set()
        self._stop_timer()
        if self._sent:
            self._start_timer()

    def _break(self, why: str) -> None:
        self._stop_timer()
        if not self._broken.done():
            self._broken.set_exception(PublishBroken(why))
            self._broken.exception()  # whoever sends next is told; nobody may, at the end
        self._room.set()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self._wire.loop.call_later(
                ACK_TIMEOUT_S, self._break, "an acknowledgement is missing"
            )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Origin(msgspec.Struct, frozen=True):
    """The commit that a message comes from."""

    cursor: EventsCursor
    workflow_id: str
    digest: str


async def _holds(log: EventLog, end: int, origin: _Origin) -> bool:
    position = origin.cursor.position
    if position > end:
        return False
    records = await log.read(origin.workflow_id, after=position - 1)
    return bool(records) and (records[0].position, records[0].digest) == (position, origin.digest)


def _origin_of(message: _Message) -> _Origin | None:
    """What the headers of a stored message tell; None when firmus did not write it."""
    headers = base64.b64decode(message.hdrs).decode("utf-8", "replace").split("\r\n")
    values = {key.lower(): value.strip() for key, _, value in (it.partition(":") for it in headers)}
    try:
        workflow_id, version = parse_event_id(values["ce-id"])
        cursor = EventsCursor(int(values[POSITION_HEADER.lower()]), version, message.seq)
        return _Origin(cursor, workflow_id, values[COMMIT_HEADER.lower()])
    except (KeyError, ValueError):
        return None
