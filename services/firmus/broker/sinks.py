"""Sends the messages of `onStateChange`: at least once, under ids that are always the same."""

from collections.abc import Mapping

import nats.errors

from firmus.broker.connection import BrokerUnsuitable
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.ports import Unavailable
from firmus.workflow.sinks import sink_of

FLUSH_S = 5


class NatsSinks:
    """`ports.SinksPort` over the connection of a process."""

    def __init__(self, wire: JetStreamWire) -> None:
        self._wire = wire

    async def send(self, sink: str, body: bytes, headers: Mapping[str, str]) -> None:
        """A `jsm` message is stored when this returns, a `nats` one has reached the server."""
        target = sink_of(sink)
        try:
            if target.kind == "jsm":
                await self._wire.publish(target.subject, body, headers=headers)
                return
            connection = self._wire.connection
            await connection.publish(target.subject, body, headers=dict(headers))
            await connection.flush(timeout=FLUSH_S)
        except (Unanswered, StreamRefused, BrokerUnsuitable, nats.errors.Error) as fault:
            raise Unavailable(f"nothing could be sent to {sink}: {fault}") from fault
