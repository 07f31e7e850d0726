"""The eventsourcing library's persistence on JetStream.

`PERSISTENCE_MODULE=firmus.eventlog.recorder` gives an application of that library its aggregates on
a stream of their own. Tracking stays with the view that it belongs to: a stream cannot share a
transaction with a database, so tracking and process recorders are not offered.

All methods block; code that runs in an event loop calls them from a thread.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Never
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    Notification,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType

from firmus.eventlog.recorder_stream import EventStream
from firmus.eventlog.recorder_thread import NatsThread
from firmus_contracts.subjects import token

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 1.0
_PAGE = 500


class JetStreamAggregateRecorder(AggregateRecorder):
    """Aggregates' events, without an order over all of them (snapshots)."""

    def __init__(self, thread: NatsThread, stream: EventStream) -> None:
        self._thread = thread
        self._stream = stream

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Raises IntegrityError on a conflict; see EventStream.append."""
        _insert(self._thread, self._stream, stored_events, kwargs)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        return self._thread.run(
            self._stream.read(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        )


class JetStreamApplicationRecorder(ApplicationRecorder):
    """Events with an order over all aggregates; notification ids are the stream's sequences."""

    def __init__(self, thread: NatsThread, stream: EventStream) -> None:
        self._thread = thread
        self._stream = stream

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """The notification ids. Raises IntegrityError on a conflict; see EventStream.append."""
        return _insert(self._thread, self._stream, stored_events, kwargs)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        return self._thread.run(
            self._stream.read(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        )

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = 1 if start is None else start if inclusive_of_start else start + 1
        return self._thread.run(
            self._stream.page(start=first, limit=limit, stop=stop, topics=topics)
        )

    def max_notification_id(self) -> int | None:
        return self._thread.run(self._stream.end()) or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return JetStreamSubscription(self, self._thread, self._stream, gt, topics)


class JetStreamSubscription(Subscription[ApplicationRecorder]):
    """Notifications for ever, pulled by whoever iterates.

    A publish on the stream's subjects is the sign to look again. It may be seen before the message
    is stored, and is lost while the connection is down, so looking goes on in growing pauses.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        thread: NatsThread,
        stream: EventStream,
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._thread = thread
        self._stream = stream
        self._buffer: list[Notification] = []
        self._signal = asyncio.Event()
        self._core = thread.run(stream.nc.subscribe(f"{stream.prefix}.>", cb=self._on_publish))

    def stop(self) -> None:
        if not self._has_been_stopped:
            super().stop()
            self._thread.soon(self._signal)

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._thread.run(self._unsubscribe())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if self._buffer:
                return self._buffer.pop()
            self._buffer = self._thread.run(self._pull())[::-1]
        raise StopIteration

    async def _on_publish(self, _: object) -> None:
        self._signal.set()

    async def _unsubscribe(self) -> None:
        if not self._stream.nc.is_closed:
            await self._core.unsubscribe()

    async def _pull(self) -> list[Notification]:
        """The next notifications; empty only when stopped."""
        pause_s = _FIRST_PAUSE_S
        while not self._has_been_stopped:
            self._signal.clear()
            found = await self._stream.page(
                start=(self._last_notification_id or 0) + 1, limit=_PAGE, topics=self._topics
            )
            if found:
                self._last_notification_id = found[-1].id
                return found
            try:
                await asyncio.wait_for(self._signal.wait(), pause_s)
                pause_s = _FIRST_PAUSE_S
            except TimeoutError:
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        return []


class Factory(InfrastructureFactory[TrackingRecorder]):
    """Set up by the environment: JETSTREAM_SERVERS (default nats://127.0.0.1:4222),
    JETSTREAM_STREAM (the application's name), JETSTREAM_SUBJECTS (prefix, `es.<stream>`),
    JETSTREAM_REPLICAS (1) of a stream that is not there yet, JETSTREAM_CONNECT_S (seconds, 10).
    Snapshots go to `<stream>_SNAPSHOTS`, so that notification ids have no gaps.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._thread: NatsThread | None = None
        self._streams: dict[str, EventStream] = {}

    def aggregate_recorder(self, purpose: str = "events") -> JetStreamAggregateRecorder:
        stream = self._open("" if purpose == "events" else f"_{purpose.upper()}")
        return JetStreamAggregateRecorder(self._connected(), stream)

    def application_recorder(self) -> JetStreamApplicationRecorder:
        return JetStreamApplicationRecorder(self._connected(), self._open(""))

    def tracking_recorder(
        self,
        tracking_recorder_class: type[TrackingRecorder] | None = None,  # noqa: ARG002 - the library's signature
    ) -> Never:
        raise InfrastructureFactoryError("tracking belongs to the database of the view it tracks")

    def process_recorder(self) -> ProcessRecorder:
        raise InfrastructureFactoryError("a stream shares no transaction with a tracking record")

    def close(self) -> None:
        if self._thread is not None:
            self._thread.close()
            self._thread = None
            self._streams.clear()

    def _connected(self) -> NatsThread:
        if self._thread is None:
            servers = self.env.get("JETSTREAM_SERVERS", "nats://127.0.0.1:4222")
            patience_s = float(self.env.get("JETSTREAM_CONNECT_S", "10"))
            self._thread = NatsThread(servers, connect_timeout_s=patience_s)
        return self._thread

    def _open(self, suffix: str) -> EventStream:
        name = self.env.get("JETSTREAM_STREAM", token(self.env.name or "EVENTSOURCING"))
        found = self._streams.get(suffix)
        if found is None:
            prefix = self.env.get("JETSTREAM_SUBJECTS", f"es.{name}")
            thread = self._connected()
            found = EventStream(thread.nc, name + suffix, prefix + suffix)
            thread.run(found.declare(replicas=int(self.env.get("JETSTREAM_REPLICAS", "1"))))
            self._streams[suffix] = found
        return found


def _insert(
    thread: NatsThread,
    stream: EventStream,
    stored_events: Sequence[StoredEvent],
    extra: dict[str, Any],
) -> list[int]:
    if extra.get("tracking") is not None:
        raise ProgrammingError("tracking cannot be stored with events on JetStream")
    if not stored_events:
        return []
    return thread.run(stream.append(stored_events))
