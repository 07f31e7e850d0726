"""What happens to event handlers: one aggregate per name, deciding and evolving as functions."""

from typing import ClassVar

import msgspec
from eventsourcing.utils import register_topic

from firmus_contracts.errors import Refusal
from firmus_contracts.event_handlers import EventHandler


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`actor`: who asked for it, as far as it was said."""

    originator_id: str
    originator_version: int
    time_ms: int
    actor: str = ""


class HandlerSaved(_Event, frozen=True):
    """A handler was created or replaced."""

    TOPIC: ClassVar[str] = "firmus.handlers:HandlerSaved"
    handler: EventHandler


class HandlerDeleted(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.handlers:HandlerDeleted"


Event = HandlerSaved | HandlerDeleted

for _topic_of in (HandlerSaved, HandlerDeleted):
    register_topic(_topic_of.TOPIC, _topic_of)


class Aggregate(msgspec.Struct, frozen=True):
    """One handler. `revision` counts its events; 0: never heard of."""

    revision: int = 0
    handler: EventHandler | None = None


EMPTY = Aggregate()


def identity_of(name: str) -> str:
    return f"handler-{name}"


def evolve(_aggregate: Aggregate, event: Event) -> Aggregate:
    match event:
        case HandlerSaved(handler=handler):
            return Aggregate(event.originator_version, handler)
        case HandlerDeleted():
            return Aggregate(event.originator_version)


def save(found: Aggregate, handler: EventHandler, *, must_exist: bool, now_ms: int) -> HandlerSaved:
    """Creates, or replaces (`must_exist`). Raises Refusal CONFLICT, NOT_FOUND (spec 8.7)."""
    if must_exist and found.handler is None:
        raise Refusal("NOT_FOUND", f"EventHandler with name {handler.name} not found!")
    if not must_exist and found.handler is not None:
        raise Refusal("CONFLICT", f"EventHandler with name {handler.name} already exists!")
    return HandlerSaved(
        originator_id=identity_of(handler.name),
        originator_version=found.revision + 1,
        time_ms=now_ms,
        handler=handler,
    )


def delete(found: Aggregate, name: str, *, now_ms: int) -> HandlerDeleted:
    """Raises Refusal NOT_FOUND."""
    if found.handler is None:
        raise Refusal("NOT_FOUND", f"EventHandler with name {name} not found!")
    return HandlerDeleted(
        originator_id=identity_of(name), originator_version=found.revision + 1, time_ms=now_ms
    )
