"""What the gRPC services are given: the same ports as the REST gateway."""

import msgspec

from firmus.broker.polldata import PollTable
from firmus.ports import (
    Clock,
    DeciderPort,
    DefinitionsPort,
    EventHandlersPort,
    PayloadsPort,
    QueuesPort,
    SearchPort,
    StartsPort,
)
from firmus.security.guard import Guard


class RpcPorts(msgspec.Struct, frozen=True, kw_only=True):
    """`polls`: who polled last, here and at other gateways. `guard`: who may do what; None lets
    everybody.
    """

    decider: DeciderPort
    starts: StartsPort
    queues: QueuesPort
    definitions: DefinitionsPort
    search: SearchPort
    clock: Clock
    payloads: PayloadsPort | None = None
    event_handlers: EventHandlersPort | None = None
    polls: PollTable = msgspec.field(default_factory=PollTable)
    guard: Guard | None = None
