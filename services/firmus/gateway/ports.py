"""What the gateway is given. It keeps nothing that would be missed if it were killed."""

import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from firmus.broker.polldata import PollTable
from firmus.ports import (
    Clock,
    DeciderPort,
    DefinitionsPort,
    EventHandlersPort,
    PayloadsPort,
    QueuesPort,
    ReadModelsPort,
    RehearsalPort,
    SchedulesPort,
    SearchPort,
    StartsPort,
    WatchPort,
)
from firmus.security.guard import Guard


def _no_metrics() -> bytes:
    return b""


async def _none_wait(_event: str) -> int:
    return 0


def _nothing() -> Sequence[str]:
    return ()


class GatewayPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The services behind the API.

    `environment` is what `${workflow.env.x}` reads; of secrets only the names are shown.
    `metrics` renders Prometheus text. `troubles` names what is wrong with this process; anything
    in it makes the health check fail. `elsewhere`: what is wrong with others, and only told.
    `polls`: who polled last, here and at other gateways. `messages_waiting` counts those of an
    event. `guard`: who may do what; None lets everybody. `instance` is how this server signs its
    errors.
    """

    decider: DeciderPort
    starts: StartsPort
    watches: WatchPort
    queues: QueuesPort
    definitions: DefinitionsPort
    search: SearchPort
    read_models: ReadModelsPort | None = None
    clock: Clock
    payloads: PayloadsPort | None = None
    rehearsals: RehearsalPort | None = None
    schedules: SchedulesPort | None = None
    event_handlers: EventHandlersPort | None = None
    messages_waiting: Callable[[str], Awaitable[int]] = _none_wait
    polls: PollTable = msgspec.field(default_factory=PollTable)
    environment: Mapping[str, str] = {}
    secret_names: Callable[[], Sequence[str]] = _nothing
    metrics: Callable[[], bytes] = _no_metrics
    troubles: Callable[[], Sequence[str]] = _nothing
    elsewhere: Callable[[], Sequence[str]] = _nothing
    guard: Guard | None = None
    instance: str = socket.gethostname()
