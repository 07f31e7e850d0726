"""REST and gRPC, with all that their answers are made of."""

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from firmus.broker.cache import JetStreamCache
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.polldata import PollTable, keep, listen, restore
from firmus.broker.starting import Starts
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.eventlog.uploads import JetStreamUploads
from firmus.front import manners_of
from firmus.gatekeeping import gatekeeper
from firmus.gateway import service
from firmus.gateway.ports import GatewayPorts
from firmus.handlers.service import waiting
from firmus.node import Node
from firmus.ports import DeciderPort, QueuesPort, SearchPort, WatchPort
from firmus.rehearsal.service import Rehearsals
from firmus.roles.grpc import grpc_beside
from firmus.roles.surroundings import ENVIRONMENT_PREFIX, SECRET_PREFIX, named_values
from firmus.settings import identity_of
from firmus.transport.search import RemoteSearch


@contextlib.asynccontextmanager
async def gateway_role(
    node: Node,
    decider: DeciderPort,
    watches: WatchPort,
    queues: QueuesPort,
    search: SearchPort,
    *,
    elsewhere: Callable[[], Sequence[str]],
) -> AsyncIterator[None]:
    """Serves REST, and gRPC where there is a port for it."""
    javascript, jq = QuickJsScripts(threads=2), JqScripts(processes=1)
    environment = named_values(os.environ, ENVIRONMENT_PREFIX)
    polls = PollTable()
    await restore(node.wire, polls)
    stop_listening = await listen(node.connection, polls)
    keeping = asyncio.create_task(keep(node.wire, polls))
    ports = GatewayPorts(
        decider=decider,
        watches=watches,
        queues=queues,
        definitions=node.definitions,
        search=search,
        read_models=RemoteSearch(node.connection),
        clock=node.clock,
        starts=Starts(decider, JetStreamKeyStore(node.wire)),
        payloads=JetStreamUploads(node.wire, node.blobs),
        schedules=node.schedules,
        event_handlers=node.event_handlers,
        messages_waiting=functools.partial(waiting, node.connection),
        polls=polls,
        rehearsals=Rehearsals(
            definitions=node.definitions,
            scripts=Evaluators(javascript, jq),
            clock=node.clock,
            environment=environment,
            secrets=named_values(os.environ, SECRET_PREFIX),
            kept=JetStreamCache(node.wire),
        ),
        environment=environment,
        secret_names=lambda: sorted(named_values(os.environ, SECRET_PREFIX)),
        metrics=node.metrics.render,
        troubles=lambda: () if node.connection.is_connected else ("no connection to NATS",),
        elsewhere=elsewhere,
    )
    try:
        settings = node.settings
        async with gatekeeper(node) as guard:
            ports = msgspec.structs.replace(ports, guard=guard)
            async with grpc_beside(settings, ports):
                listener = await service.start(
                    ports,
                    host=settings.host,
                    port=settings.port,
                    manners=manners_of(settings),
                    identity=identity_of(settings),
                )
                try:
                    yield
                finally:
                    await listener.close()
    finally:
        keeping.cancel()
        await stop_listening()
        javascript.close()
        await jq.close()
