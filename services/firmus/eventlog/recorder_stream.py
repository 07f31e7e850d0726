"""Stored events in a JetStream stream: one message each, one subject per aggregate.

Headers carry what the library keeps beside the state: topic, version, and whether the id was a
UUID. Versions of one aggregate only grow; that is checked against the aggregate's last message and
held by `Nats-Expected-Last-Subject-Sequence`, so of two writers one gets IntegrityError.
Several events of one save are one atomic batch.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import msgspec
import nats.errors
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from nats.aio.client import Client
from nats.js.api import Header, StreamConfig
from nats.js.errors import NotFoundError

from firmus.eventlog.recorder_reads import Page, Stored, direct_get
from firmus_contracts.subjects import token, untoken

TOPIC = "Es-Topic"
VERSION = "Es-Version"
ID_TYPE = "Es-Id-Type"
SAVE = "Es-Save"

BATCH_LIMIT = 1000
_OPEN_BATCHES = 16
_PAGE = 500
_TRIES = 50
_WRONG_LAST_SEQUENCE = (10071, 10164)
_TOPIC_CHARACTERS = ":.<>[](),"
_LOST = (nats.errors.Error, TimeoutError, OSError)


class _Refused(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    error: _Refused | None = None


class _Head(msgspec.Struct, frozen=True):
    """The last message of an aggregate: its sequence and version; (0, None) before the first."""

    sequence: int = 0
    version: int | None = None


class EventStream:
    """The asynchronous side of the recorders; belongs to the event loop of its connection."""

    def __init__(self, nc: Client, stream: str, prefix: str, *, timeout_s: float = 5.0) -> None:
        self.nc = nc
        self.stream = stream
        self.prefix = prefix
        self._js = nc.jetstream(timeout=timeout_s)
        self._timeout_s = timeout_s
        self._batches = asyncio.Semaphore(_OPEN_BATCHES)

    async def declare(self, *, replicas: int = 1) -> None:
        """Makes the stream when there is none; one that exists is left as it is."""
        try:
            await self._js.stream_info(self.stream)
        except NotFoundError:
            await self._js.add_stream(
                StreamConfig(
                    name=self.stream,
                    subjects=[f"{self.prefix}.>"],
                    num_replicas=replicas,
                    allow_direct=True,
                    allow_atomic=True,
                )
            )

    def subject(self, originator_id: UUID | str) -> str:
        return f"{self.prefix}.{token(str(originator_id))}"

    async def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Stores all events or none; the sequences that they got.

        Raises IntegrityError when a version is there already, DataError when the events are too
        large or too many for one save, OperationalError when it is not known whether they were
        stored.
        """
        if len(events) > BATCH_LIMIT:
            raise DataError(f"{len(events)} events in one save, at most {BATCH_LIMIT}")
        firsts = _first_versions(events)
        save = uuid4().hex
        for _ in range(_TRIES):
            expected = {}
            heads = await asyncio.gather(*map(self._head, firsts))
            for (originator_id, version), head in zip(firsts.items(), heads, strict=True):
                if head.version is not None and version <= head.version:
                    raise IntegrityError(
                        f"{originator_id} is at version {head.version}, {version} comes too late"
                    )
                expected[originator_id] = head.sequence
            last = await self._publish(events, expected, save)
            if last is not None:
                return list(range(last - len(events) + 1, last + 1))
        raise IntegrityError(f"other writers came first {_TRIES} times")

    async def read(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """An aggregate's events with gt < version <= lte, as many as the leader has by now."""
        last = await self._last(self.subject(originator_id))
        if last is None:
            return []
        if desc and limit == 1 and gt is None and lte is None:
            return [_stored_event(last, originator_id)]
        found = [
            event
            for event in await self._history(originator_id, last.sequence)
            if (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ]
        if desc:
            found.reverse()
        return found if limit is None else found[:limit]

    async def page(
        self, *, start: int, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> list[Notification]:
        """Up to `limit` events of those topics with start <= sequence <= stop."""
        found: list[Notification] = []
        seq = max(start, 1)
        while len(found) < limit:
            page = await self._get(
                {"seq": seq, "batch": _PAGE, "next_by_subj": f"{self.prefix}.>"}
                if topics
                else {
                    "seq": seq,
                    "batch": min(_PAGE, limit - len(found)),
                    "next_by_subj": f"{self.prefix}.>",
                }
            )
            for stored in page.messages:
                if stop is not None and stored.sequence > stop:
                    return found[:limit]
                event = _notification(stored, self.prefix)
                if not topics or event.topic in topics:
                    found.append(event)
            if not page.more or not page.messages:
                break
            seq = page.messages[-1].sequence + 1
        return found[:limit]

    async def last_of_each(self, originator_ids: Sequence[str]) -> list[StoredEvent]:
        """The last event of each of these aggregates, as far as a replica has them."""
        found: list[StoredEvent] = []
        for start in range(0, len(originator_ids), _PAGE):
            by_subject = {
                self.subject(name): name for name in originator_ids[start : start + _PAGE]
            }
            request = {"multi_last": list(by_subject), "batch": _PAGE}
            page = await self._get(request)
            found += [_stored_event(each, by_subject[each.subject]) for each in page.messages]
        return found

    async def end(self) -> int:
        """The sequence of the last event of all; 0 when there is none."""
        last = await self._last(f"{self.prefix}.>")
        return 0 if last is None else last.sequence

    async def _publish(
        self, events: Sequence[StoredEvent], expected: dict[UUID | str, int], save: str
    ) -> int | None:
        """The sequence of the last event; None when somebody else wrote first."""
        messages = self._messages(events, expected, save)
        try:
            if len(messages) == 1:
                ack = await self._request(*messages[0])
            else:
                async with self._batches:
                    for subject, state, headers in messages[:-1]:
                        await self.nc.publish(subject, state, headers=headers)
                    ack = await self._request(*messages[-1])
        except _LOST as fault:
            return await self._find(events[-1].originator_id, save, fault)
        if ack.error is None:
            return ack.seq
        if ack.error.err_code in _WRONG_LAST_SEQUENCE:
            return None
        raise OperationalError(f"{ack.error.description} ({ack.error.err_code})")

    def _messages(
        self, events: Sequence[StoredEvent], expected: dict[UUID | str, int], save: str
    ) -> list[tuple[str, bytes, dict[str, str]]]:
        unguarded = dict(expected)
        messages = []
        for number, event in enumerate(events, start=1):
            headers = {
                TOPIC: quote(event.topic, safe=_TOPIC_CHARACTERS),
                VERSION: str(event.originator_version),
                ID_TYPE: "uuid" if isinstance(event.originator_id, UUID) else "str",
                SAVE: save,
            }
            # A second expectation on one subject would refuse the whole batch.
            guard = unguarded.pop(event.originator_id, None)
            if guard is not None:
                headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(guard)
            if len(events) > 1:
                headers[Header.BATCH_ID] = save
                headers[Header.BATCH_SEQUENCE] = str(number)
                if number == len(events):
                    headers[Header.BATCH_COMMIT] = "1"
            # Checked before the first goes out: a batch cut short blocks its place for seconds.
            if len(event.state) + 1024 + len(event.topic) > self.nc.max_payload:
                raise DataError(f"{len(event.state)} bytes of state do not fit in one message")
            messages.append((self.subject(event.originator_id), event.state, headers))
        return messages

    async def _request(self, subject: str, state: bytes, headers: dict[str, str]) -> _Ack:
        answer = await self.nc.request(
            subject, state, timeout=self._timeout_s, headers=dict(headers)
        )
        return msgspec.json.decode(answer.data, type=_Ack)

    async def _find(self, originator_id: UUID | str, save: str, fault: Exception) -> int:
        """After an answer that stayed away: the sequence of our last event, if it was stored."""
        subject = self.subject(originator_id)
        try:
            last = await self._last(subject)
            stored = [] if last is None else await self._subject_to(subject, last.sequence)
        except OperationalError:
            stored = []
        for message in reversed(stored):
            if message.headers.get(SAVE) == save:
                return message.sequence
        raise OperationalError(f"it is not known whether the events were stored: {fault!r}")

    async def _head(self, originator_id: UUID | str) -> _Head:
        last = await self._last(self.subject(originator_id))
        return _Head() if last is None else _Head(last.sequence, int(last.headers[VERSION]))

    async def _last(self, subject: str) -> Stored | None:
        """The last message of a subject, asked of the leader."""
        try:
            raw = await self._js.get_msg(self.stream, subject=subject)
        except NotFoundError:
            return None
        except _LOST as fault:
            raise OperationalError(f"{self.stream} does not answer: {fault!r}") from fault
        if raw.seq is None or raw.subject is None:
            raise OperationalError(f"{self.stream} answered without a sequence")
        return Stored(raw.subject, raw.seq, raw.headers or {}, raw.data or b"")

    async def _history(self, originator_id: UUID | str, end: int) -> list[StoredEvent]:
        stored = await self._subject_to(self.subject(originator_id), end)
        return [_stored_event(message, originator_id) for message in stored]

    async def _subject_to(self, subject: str, end: int) -> list[Stored]:
        """All messages of a subject up to and with the one at `end`, which the leader has."""
        found: list[Stored] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                while not found or found[-1].sequence < end:
                    seq = found[-1].sequence + 1 if found else 1
                    page = await self._get({"seq": seq, "batch": _PAGE, "next_by_subj": subject})
                    found += page.messages
                    if not page.messages:
                        await asyncio.sleep(0.01)  # a replica that lags behind the leader answered
        except TimeoutError as fault:
            raise OperationalError(f"{self.stream}: no replica has message {end} yet") from fault
        return found

    async def _get(self, request: dict[str, Any]) -> Page:
        try:
            return await direct_get(self.nc, self.stream, request, timeout_s=self._timeout_s)
        except _LOST as fault:
            raise OperationalError(f"{self.stream} does not answer: {fault!r}") from fault


def _first_versions(events: Sequence[StoredEvent]) -> dict[UUID | str, int]:
    """The first version of each aggregate in a save. Raises IntegrityError when one repeats."""
    firsts: dict[UUID | str, int] = {}
    latest: dict[UUID | str, int] = {}
    for event in events:
        if "\n" in event.topic or "\r" in event.topic:
            raise ProgrammingError(f"a topic is one line, not {event.topic!r}")
        version = event.originator_version
        if version <= latest.get(event.originator_id, version - 1):
            raise IntegrityError(f"{event.originator_id}: version {version} does not go on")
        firsts.setdefault(event.originator_id, version)
        latest[event.originator_id] = version
    return firsts


def _stored_event(stored: Stored, originator_id: UUID | str) -> StoredEvent:
    return StoredEvent(
        originator_id=originator_id,
        originator_version=int(stored.headers[VERSION]),
        topic=unquote(stored.headers[TOPIC]),
        state=stored.data,
    )


def _notification(stored: Stored, prefix: str) -> Notification:
    name = untoken(stored.subject[len(prefix) + 1 :])
    return Notification(
        id=stored.sequence,
        originator_id=UUID(name) if stored.headers[ID_TYPE] == "uuid" else name,
        originator_version=int(stored.headers[VERSION]),
        topic=unquote(stored.headers[TOPIC]),
        state=stored.data,
    )
