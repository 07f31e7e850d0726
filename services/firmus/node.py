"""What every service of a process stands on: one connection, the log behind it, the stores."""

import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator

import msgspec

from firmus.broker.access import Access, access_to
from firmus.broker.connection import Connection, connect
from firmus.broker.leases import release_all
from firmus.broker.streams import Layout, prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import SystemClock
from firmus.definitions.store import JetStreamDefinitions
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.handlers.store import EventHandlers, jetstream_handlers
from firmus.schedules.store import Schedules, jetstream_schedules
from firmus.settings import Settings
from firmus.telemetry import TRACING, Metrics, set_up_tracing

PATIENCE_S = 5.0
REPLICATED_PATIENCE_S = 15.0
"""A new leader of a replicated stream takes some seconds; appends wait for it."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What every service of a process shares: the connection and what stands on it."""

    settings: Settings
    connection: Connection
    wire: JetStreamWire
    layout: Layout
    log: JetStreamLog
    blobs: JetStreamBlobs
    definitions: JetStreamDefinitions
    schedules: Schedules
    event_handlers: EventHandlers
    clock: SystemClock
    metrics: Metrics
    instance: str

    @property
    def access(self) -> Access:
        return access_of(self.settings)


def access_of(settings: Settings) -> Access:
    return access_to(msgspec.structs.replace(settings.nats_access, url=settings.nats_url or ""))


@contextlib.asynccontextmanager
async def opened(settings: Settings, role: str) -> AsyncIterator[Node]:
    """Connects, checks the log's layout, declares streams. Raises BrokerUnavailable or
    BrokerUnsuitable.
    """
    servers = access_of(settings)
    set_up_tracing(f"firmus-{role}", settings.otel_endpoint, ratio=settings.otel_ratio)
    connection = await connect(servers, name=f"firmus {role}")
    stores = contextlib.AsyncExitStack()
    try:
        wire = await JetStreamWire.open(connection)
        layout = await prepare(
            wire,
            shards=settings.shards,
            replicas=settings.replicas,
            durability=settings.durability,
            declares=settings.declare_streams,
        )
        blobs = JetStreamBlobs(wire)
        replicated = settings.replicas > 1
        clock = SystemClock()
        instance = f"{role}-{settings.instance}"
        if settings.instance is None:
            instance = f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        else:
            await release_all(wire, instance)
        definitions = JetStreamDefinitions(wire=wire, servers=servers, blobs=blobs, clock=clock)
        stores.push_async_callback(definitions.close)
        schedules = jetstream_schedules(wire=wire, servers=servers, clock=clock)
        stores.push_async_callback(schedules.close)
        event_handlers = jetstream_handlers(wire=wire, servers=servers, clock=clock)
        stores.push_async_callback(event_handlers.close)
        yield Node(
            settings=settings,
            connection=connection,
            wire=wire,
            layout=layout,
            log=JetStreamLog(
                wire,
                blobs,
                shards=layout.shards,
                replicated=replicated,
                patience_s=REPLICATED_PATIENCE_S if replicated else PATIENCE_S,
            ),
            blobs=blobs,
            definitions=definitions,
            schedules=schedules,
            event_handlers=event_handlers,
            clock=clock,
            metrics=Metrics(),
            instance=instance,
        )
    finally:
        await stores.aclose()
        with contextlib.suppress(Exception):
            await connection.close()
        TRACING.close()
