"""Each service with all that it needs, as a context: entered it works, left it has stopped.

Inside a process the ports are the objects themselves, across processes their forms over core NATS.
"""

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from firmus.broker.cache import JetStreamCache
from firmus.broker.checkpoint_store import JetStreamCheckpoints
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.leases import Lease, bucket_ttl_s
from firmus.broker.polldata import PollTable, keep, listen, restore
from firmus.broker.rejections import JetStreamRejections
from firmus.broker.shard_leases import ShardLeases
from firmus.broker.sinks import NatsSinks
from firmus.broker.slots import grant_ledger, slot_ledger
from firmus.broker.starting import Starts
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.decider.service import Decider
from firmus.embedded.own_folder import read_models
from firmus.eventlog.uploads import JetStreamUploads
from firmus.front import manners_of
from firmus.gatekeeping import gatekeeper
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.service import serve as serve_gateway
from firmus.grpc_role import grpc_beside
from firmus.handlers.handling import Handling
from firmus.handlers.service import EventHandling, waiting
from firmus.intake.service import Intake
from firmus.metrics import (
    decider_metrics,
    event_handling_metrics,
    intake_metrics,
    projection_metrics,
    scheduler_metrics,
    schedules_metrics,
)
from firmus.node import Node
from firmus.ports import DeciderPort, QueuesPort, SearchPort, WatchPort
from firmus.projection.publisher import EventsPublisher
from firmus.projection.service import ProjectionService
from firmus.rehearsal.service import Rehearsals
from firmus.scheduler.failure_input import failure_input as failure_input_of
from firmus.scheduler.owner import OwnedScheduler
from firmus.scheduler.service import Scheduler
from firmus.schedules.service import ScheduleService
from firmus.schedules.starting import Starter
from firmus.settings import identity_of, jdbc_connections
from firmus.systemworker.event_sink import NatsEvents
from firmus.systemworker.http_client import HttpTasks
from firmus.systemworker.http_poll import HttpPolls
from firmus.systemworker.jdbc import JdbcTasks
from firmus.systemworker.kafka import KafkaTasks
from firmus.systemworker.service import SystemWorker
from firmus.transport.decider import DeciderServer
from firmus.transport.definition_news import DefinitionNews
from firmus.transport.queue_news import QueueNews
from firmus.transport.queue_server import QueuesServer
from firmus.transport.search import RemoteSearch, SearchServer
from firmus.transport.watching import WatchServer
from firmus.workflow.limits import Registered, registered_limits
from firmus_contracts.subjects import HANDLERS_SUBJECTS, SCHEDULES_SUBJECTS

log = structlog.get_logger(__name__)

SECRET_PREFIX = "CONDUCTOR_SECRET_"  # noqa: S105 - where secrets are looked for
ENVIRONMENT_PREFIX = "CONDUCTOR_ENV_"


@contextlib.asynccontextmanager
async def decider_role(node: Node, *, exclusive: bool) -> AsyncIterator[Decider]:
    """`exclusive`: nobody else can write to this log, so no leases are asked for."""
    javascript, jq = QuickJsScripts(), JqScripts()
    polls = PollTable()
    stop_listening = await listen(node.connection, polls)
    decider = Decider(
        log=node.log,
        definitions=node.definitions,
        scripts=Evaluators(javascript, jq),
        clock=node.clock,
        rejections=JetStreamRejections(node.wire),
        last_poll=polls.last_poll_ms,
        secrets=named_values(os.environ, SECRET_PREFIX),
        environment=named_values(os.environ, ENVIRONMENT_PREFIX),
        cache=JetStreamCache(node.wire),
        slots=slot_ledger(node.wire, node.clock),
    )
    decider_metrics(node.metrics, decider)
    servers = (
        DeciderServer(node.connection, decider, node.blobs),
        WatchServer(node.connection, decider),
    )
    owned: set[int] = set()

    async def gained(shard: int) -> None:
        owned.add(shard)
        for server in servers:
            await server.own(owned)

    async def lost(shard: int) -> None:
        owned.discard(shard)
        for server in servers:
            await server.own(owned)

    try:
        async with _shards_of(node, "decider", gained, lost, exclusive=exclusive):
            yield decider
    finally:
        for server in servers:
            await server.stop()
        await decider.drain()
        await stop_listening()
        javascript.close()
        await jq.close()


def named_values(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Secrets and `${workflow.env.…}` come from the decider's own environment, each under
    Conductor's prefix and nothing else of it (spec 2.4, 2.7).
    """
    return {
        name.removeprefix(prefix): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }


@contextlib.asynccontextmanager
async def scheduler_role(
    node: Node, decider: DeciderPort, *, exclusive: bool
) -> AsyncIterator[OwnedScheduler]:
    def make(shards: tuple[int, ...]) -> Scheduler:
        return Scheduler(
            log=node.log,
            decider=decider,
            clock=node.clock,
            shards=shards,
            shard_count=node.layout.shards,
            store=JetStreamCheckpoints(node.connection),
            starts=Starts(decider, JetStreamKeyStore(node.wire)),
            sinks=NatsSinks(node.wire),
            failure_input=lambda workflow_id: failure_input(node, decider, workflow_id),
            registered=registered,
            slots=slot_ledger(node.wire, node.clock),
            grants=None if exclusive else grant_ledger(node.wire, node.clock),
        )

    async def registered() -> Registered:
        return registered_limits(await node.definitions.tasks(), await node.definitions.workflows())

    owner = OwnedScheduler(make, lambda scheduler: QueuesServer(node.connection, scheduler))
    scheduler_metrics(node.metrics, owner)
    news = DefinitionNews(node.connection, owner.learn_limits)
    await news.start()
    try:
        if exclusive:
            await owner.own(range(node.layout.shards))
            yield owner
        else:
            async with _shards_of(node, "scheduler", owner.gain, owner.lose, exclusive=False):
                try:
                    yield owner
                finally:
                    # At once: shard by shard it would take over what is left again and again.
                    await owner.stop()
    finally:
        await news.stop()
        await owner.stop()


@contextlib.asynccontextmanager
async def _shards_of(
    node: Node,
    role: str,
    gained: Callable[[int], Awaitable[None]],
    lost: Callable[[int], Awaitable[None]],
    *,
    exclusive: bool,
) -> AsyncIterator[None]:
    if exclusive:
        for shard in range(node.layout.shards):
            await gained(shard)
        yield
        return
    leases = ShardLeases(
        node.wire,
        role,
        node.instance,
        shards=node.layout.shards,
        ttl_s=await bucket_ttl_s(node.wire),
        on_gained=gained,
        on_lost=lost,
    )
    leases.start()
    try:
        yield
    finally:
        await leases.stop()


async def failure_input(node: Node, decider: DeciderPort, workflow_id: str) -> dict[str, Any]:
    """What a failure workflow is told of the failed one (spec 4.7)."""
    state = await decider.read(workflow_id)
    if state is None:
        raise LookupError(workflow_id)
    blueprint = await node.definitions.pinned(state.definition_hash)
    return failure_input_of(state, blueprint, now_ms=node.clock.now_ms())


@contextlib.asynccontextmanager
async def projection_role(node: Node) -> AsyncIterator[ProjectionService]:
    lease = Lease(
        node.wire,
        "projection",
        holder=node.instance,
        ttl_s=await bucket_ttl_s(node.wire),
    )
    publisher = await EventsPublisher.open(node.wire)
    async with read_models(node.settings) as models:
        service = ProjectionService(
            log=node.log,
            models=models,
            definitions=node.definitions,
            lease=lease,
            publisher=publisher,
            instance=node.instance,
        )
        projection_metrics(node.metrics, service)
        async with background(service.run(), SearchServer(node.connection, service).run()):
            yield service


async def gateway(
    node: Node,
    decider: DeciderPort,
    watches: WatchPort,
    queues: QueuesPort,
    search: SearchPort,
    *,
    elsewhere: Callable[[], Sequence[str]],
) -> None:
    """Serves REST, and gRPC where there is a port for it, until cancelled."""
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
                await serve_gateway(
                    ports,
                    host=settings.host,
                    port=settings.port,
                    manners=manners_of(settings),
                    identity=identity_of(settings),
                )
    finally:
        keeping.cancel()
        await stop_listening()
        javascript.close()
        await jq.close()


@contextlib.asynccontextmanager
async def intake_role(node: Node, decider: DeciderPort) -> AsyncIterator[Intake]:
    """Start events, and messages that event handlers wait for."""
    starts = Starts(decider, JetStreamKeyStore(node.wire))
    uploads = JetStreamUploads(node.wire, node.blobs)
    intake = Intake(node.access, starts=starts, payloads=uploads)
    intake_metrics(node.metrics, intake)
    scripts = QuickJsScripts(threads=1)
    handling = EventHandling(
        node.connection, node.event_handlers, Handling(decider, starts, scripts)
    )
    event_handling_metrics(node.metrics, handling)
    watch = await node.connection.open_lane(HANDLERS_SUBJECTS, lambda *_: handling.wake())
    await intake.start()
    try:
        async with background(handling.run()):
            yield intake
    finally:
        await node.connection.close_lane(watch)
        await intake.stop()
        scripts.close()


@contextlib.asynccontextmanager
async def schedules_role(
    node: Node, decider: DeciderPort, *, exclusive: bool
) -> AsyncIterator[ScheduleService]:
    turns = None
    if not exclusive:
        turns = Lease(
            node.wire,
            "schedules",
            holder=node.instance,
            ttl_s=await bucket_ttl_s(node.wire),
            on_lost=lambda: service.wake(),  # noqa: PLW0108 - it is made below
        )
    starter = Starter(
        Starts(decider, JetStreamKeyStore(node.wire)), JetStreamUploads(node.wire, node.blobs)
    )
    store = node.schedules
    service = ScheduleService(store.journal, store.runs, starter, node.clock, turns)
    schedules_metrics(node.metrics, service)
    watch = await node.connection.open_lane(SCHEDULES_SUBJECTS, lambda *_: service.wake())
    try:
        async with background(service.run()):
            yield service
    finally:
        await node.connection.close_lane(watch)


@contextlib.asynccontextmanager
async def system_worker_role(
    node: Node, decider: DeciderPort, queues: QueuesPort
) -> AsyncIterator[SystemWorker]:
    settings = node.settings
    http = HttpTasks(
        public_only=settings.http_public_only,
        verify_tls=settings.http_verify_tls,
        env_proxy=settings.http_env_proxy,
    )
    scripts = QuickJsScripts(threads=2)
    worker = SystemWorker(
        queues=queues,
        decider=decider,
        executors={
            "HTTP": http,
            "HTTP_POLL": HttpPolls(http, scripts),
            "EVENT": NatsEvents(node.connection),
            "KAFKA_PUBLISH": KafkaTasks(),
            "JDBC": JdbcTasks(jdbc_connections(os.environ)),
        },
        worker_id=node.instance,
        namespace=settings.execution_namespace,
    )
    worker.start()
    news = QueueNews(node.connection, worker.serve)
    await news.start()
    try:
        yield worker
    finally:
        await news.stop()
        await worker.stop()
        scripts.close()


@contextlib.asynccontextmanager
async def background(*work: Any) -> AsyncIterator[None]:
    """Runs coroutines beside the block; their faults end it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
