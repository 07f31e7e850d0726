"""The service of event handlers: takes the messages of all events that have an active handler.

Messages that a stream keeps are taken from a durable consumer for each event, which all instances
share; one is acknowledged after its actions, so a crash in between repeats it, harmlessly.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from firmus.handlers.actions import Message, payload_of
from firmus.handlers.handling import Handling
from firmus.handlers.sources import Source, source_of
from firmus.ports import EventHandlersPort, Unavailable
from firmus_contracts.event_handlers import EventExecution
from firmus_contracts.subjects import handled_subject

log = structlog.get_logger(__name__)

BATCH = 50
PULL_S = 30.0
ACK_WITHIN_S = 30.0
AGAIN_S = 1.0
AGAIN_MAX_S = 60.0
LOOK_S = 60.0
"""The handlers are looked at when one changes, and this often at the least."""


async def waiting(connection: Client, event: str) -> int:
    """Messages of an event that are not done with yet. None wait where nothing keeps them or nobody
    has asked for them yet. Raises Unavailable.
    """
    source = source_of(event)
    if source.kind == "live":
        return 0
    jetstream = connection.jetstream()
    try:
        stream = source.stream or await jetstream.find_stream_name_by_subject(source.subject)
        found = await jetstream.consumer_info(stream, source.durable)
    except NotFoundError:
        return 0
    except (NatsError, TimeoutError, OSError) as problem:
        raise Unavailable(f"{event}: {problem!r}") from problem
    return (found.num_pending or 0) + (found.num_ack_pending or 0)


class EventHandling:
    """`wake` is called when handlers may have changed."""

    def __init__(self, connection: Client, handlers: EventHandlersPort, handling: Handling) -> None:
        self._connection = connection
        self._stream: JetStreamContext = connection.jetstream()
        self._handlers = handlers
        self._handling = handling
        self._changed = asyncio.Event()
        self._taking: dict[str, asyncio.Task[None]] = {}
        self.handled = 0
        self.failed = 0
        self.skipped = 0

    def wake(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._follow_handlers()
                    wait_s = LOOK_S
                except Unavailable as problem:
                    log.warning("event handlers cannot be read", why=str(problem))
                    wait_s = AGAIN_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
        finally:
            for task in self._taking.values():
                task.cancel()
            await asyncio.gather(*self._taking.values(), return_exceptions=True)

    async def _follow_handlers(self) -> None:
        wanted = {handler.event for handler in await self._handlers.handlers() if handler.active}
        for event in self._taking.keys() - wanted:
            self._taking.pop(event).cancel()
        for event in wanted - self._taking.keys():
            self._taking[event] = asyncio.create_task(self._take(event))

    async def _take(self, event: str) -> None:
        """Takes the messages of one event, again after each trouble."""
        source = source_of(event)
        pause_s = AGAIN_S
        while True:
            try:
                if source.kind == "live":
                    await self._listen(event, source)
                else:
                    await self._pull(event, source)
                pause_s = AGAIN_S
            except (NatsError, TimeoutError, OSError) as problem:
                log.warning("messages cannot be taken", source=event, why=repr(problem))
            except Exception:
                log.exception("messages cannot be taken", source=event)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_MAX_S)

    async def _listen(self, event: str, source: Source) -> None:
        """What comes while nobody listens is lost, as NATS has it."""
        subscription = await self._connection.subscribe(source.subject, queue=source.durable)
        try:
            async for message in subscription.messages:
                await self._handle_live(event, message)
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def _handle_live(self, event: str, message: Msg) -> None:
        now_ms = time.time_ns() // 1_000_000
        given = (message.headers or {}).get("Nats-Msg-Id")
        read = Message(
            message_id=given or str(uuid.uuid4()),
            event=event,
            payload=payload_of(message.data),
            stored_ms=now_ms,
        )
        for pause_s in (AGAIN_S, 4 * AGAIN_S, 16 * AGAIN_S, None):
            try:
                await self._handle(read)
            except Unavailable as problem:
                if pause_s is None:
                    log.error("a message is given up", source=event, why=str(problem))  # noqa: TRY400 - not a fault of the code
                    return
                await asyncio.sleep(pause_s)
            else:
                return

    async def _pull(self, event: str, source: Source) -> None:
        stream = source.stream or await self._stream.find_stream_name_by_subject(source.subject)
        subscription = await self._stream.pull_subscribe(
            source.subject,
            durable=source.durable,
            stream=stream,
            config=ConsumerConfig(
                ack_policy=AckPolicy.EXPLICIT,
                deliver_policy=DeliverPolicy.ALL,
                ack_wait=ACK_WITHIN_S,
                max_ack_pending=10 * BATCH,
            ),
        )
        try:
            while True:
                try:
                    messages = await subscription.fetch(BATCH, timeout=PULL_S)
                except TimeoutError:
                    continue
                await asyncio.gather(*(self._handle_stored(event, one) for one in messages))
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def _handle_stored(self, event: str, message: Msg) -> None:
        meta = message.metadata
        given = (message.headers or {}).get("Nats-Msg-Id")
        read = Message(
            message_id=given or f"{meta.stream}-{meta.sequence.stream}",
            event=event,
            payload=payload_of(message.data),
            stored_ms=int(meta.timestamp.timestamp() * 1000),
        )
        try:
            await self._handle(read)
        except Unavailable as problem:
            log.warning("a message is postponed", source=event, why=str(problem))
            delivered = meta.num_delivered or 1
            await message.nak(delay=min(AGAIN_S * 2 ** min(delivered, 6), AGAIN_MAX_S))
        else:
            await message.ack()

    async def _handle(self, message: Message) -> None:
        for handler in await self._handlers.of_event(message.event):
            await self._note(await self._handling.handle(handler, message))

    async def _note(self, records: Sequence[EventExecution]) -> None:
        """Counts and keeps what became of the actions; keeping is tried once."""
        for record in records:
            if record.status == "COMPLETED":
                self.handled += 1
            elif record.status == "SKIPPED":
                self.skipped += 1
            else:
                self.failed += 1
                log.warning("an action failed", handler=record.name, output=record.output)
            with contextlib.suppress(NatsError, ValueError):
                await self._connection.publish(
                    handled_subject(record.name),
                    msgspec.json.encode(record),
                    headers={"Nats-Msg-Id": f"{record.name}/{record.id}"},
                )
