"""Frozen msgspec structs as events of the eventsourcing library."""

from functools import cache
from typing import Any

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
)
from eventsourcing.utils import get_topic, resolve_topic


class StructMapper(Mapper[str]):
    """Events are structs with `originator_id: str` and `originator_version: int`; the stored state
    is the struct's JSON. The topic is the class's `TOPIC` where it has one.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        state = msgspec.json.encode(domain_event)
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=get_topic(type(domain_event)),
            state=state,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Raises MapperDeserialisationError when the state cannot be read as its topic's class."""
        decoder = _decoder(resolve_topic(stored_event.topic))
        state = stored_event.state
        try:
            if self.cipher:
                state = self.cipher.decrypt(state)
            if self.compressor:
                state = self.compressor.decompress(state)
            return decoder.decode(state)
        except Exception as fault:
            raise MapperDeserialisationError(
                f"{stored_event.topic} {stored_event.originator_id} version "
                f"{stored_event.originator_version} cannot be read: {fault}"
            ) from fault


def struct_mapper() -> StructMapper:
    """A mapper without compression and encryption."""
    return StructMapper(JSONTranscoder())


@cache
def _decoder(event_class: type[msgspec.Struct]) -> msgspec.json.Decoder[msgspec.Struct]:
    return msgspec.json.Decoder(event_class)
