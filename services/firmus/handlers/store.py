"""The store of event handlers: writes are aggregates' events, reads a fold of their stream."""

from collections.abc import Callable

import msgspec

from firmus.broker.access import Servers
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.recorder_journal import Journal, SharedCheck, StreamJournal, Writer
from firmus.eventlog.recorder_memory import MemoryJournal
from firmus.handlers import aggregate as aggregates
from firmus.handlers.aggregate import EMPTY, Aggregate, Event, evolve, identity_of
from firmus.handlers.sources import source_of
from firmus.ports import Clock
from firmus_contracts.bodies import invalid
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.subjects import HANDLERS_STREAM, HANDLERS_SUBJECTS


class Catalogue:
    """All handlers at one position of their stream."""

    def __init__(self) -> None:
        self.position = 0
        self._aggregates: dict[str, Aggregate] = {}

    def apply(self, position: int, event: Event) -> None:
        identity = event.originator_id
        self._aggregates[identity] = evolve(self.of(identity), event)
        self.position = position

    def of(self, identity: str) -> Aggregate:
        return self._aggregates.get(identity, EMPTY)

    def handlers(self) -> list[EventHandler]:
        """By name."""
        found = [each.handler for each in self._aggregates.values() if each.handler is not None]
        return sorted(found, key=lambda handler: handler.name)


class EventHandlers:
    """`ports.EventHandlersPort` over a journal."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._clock = clock
        self._catalogue = Catalogue()
        self._fresh = SharedCheck(lambda: journal.catch_up(self._catalogue))
        self._writer = Writer(journal, self._fresh)
        self.close = journal.close

    async def add(self, handler: EventHandler, *, actor: str = "") -> None:
        _check(handler)
        await self._write(
            identity_of(handler.name),
            actor,
            lambda found, now_ms: aggregates.save(found, handler, must_exist=False, now_ms=now_ms),
        )

    async def update(self, handler: EventHandler, *, actor: str = "") -> None:
        _check(handler)
        await self._write(
            identity_of(handler.name),
            actor,
            lambda found, now_ms: aggregates.save(found, handler, must_exist=True, now_ms=now_ms),
        )

    async def delete(self, name: str, *, actor: str = "") -> None:
        await self._write(
            identity_of(name),
            actor,
            lambda found, now_ms: aggregates.delete(found, name, now_ms=now_ms),
        )

    async def handlers(self) -> list[EventHandler]:
        await self._fresh()
        return self._catalogue.handlers()

    async def of_event(self, event: str, *, active_only: bool = True) -> list[EventHandler]:
        return [
            handler
            for handler in await self.handlers()
            if handler.event == event and (handler.active or not active_only)
        ]

    async def _write(
        self, identity: str, actor: str, decide: Callable[[Aggregate, int], Event]
    ) -> None:
        def decided() -> Event:
            event = decide(self._catalogue.of(identity), self._clock.now_ms())
            return msgspec.structs.replace(event, actor=actor)

        await self._writer.write(identity, decided)


def jetstream_handlers(*, wire: JetStreamWire, servers: Servers, clock: Clock) -> EventHandlers:
    """In the stream HANDLERS, which exists already."""
    journal = StreamJournal(
        wire, servers, stream=HANDLERS_STREAM, subjects=HANDLERS_SUBJECTS, what="event handler"
    )
    return EventHandlers(journal, clock)


def memory_handlers(clock: Clock) -> EventHandlers:
    """In memory, by the same rules: for tests and for embedding."""
    return EventHandlers(MemoryJournal(), clock)


def _check(handler: EventHandler) -> None:
    """What could never happen is refused when it is said, not when its message comes."""
    errors = []
    try:
        source_of(handler.event)
    except ValueError as problem:
        errors.append(ValidationError(path="event", message=str(problem)))
    for place, action in enumerate(handler.actions):
        path = f"actions[{place}]"
        if action.action is None:
            errors.append(ValidationError(path=path, message="an action needs a type"))
        elif action.action == "start_agent":
            raise Refusal("NOT_IMPLEMENTED", f"{path}: firmus has no agents to start")
        elif getattr(action, action.action) is None:
            errors.append(ValidationError(path=path, message=f"{action.action} is missing"))
    if errors:
        raise invalid(errors)
