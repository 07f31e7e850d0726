"""Which process holds what: with `roles`, the only place that knows every service and adapter.

`run_up` puts several services into one event loop, `run_service` runs one alone.
"""

import asyncio
import contextlib
import gc

import structlog

from firmus.eventlog.port import LogUnavailable
from firmus.metrics import Lags
from firmus.node import Node, opened
from firmus.ports import SearchPort, Unavailable
from firmus.returning import Returns
from firmus.roles.background import background
from firmus.roles.decider import decider_role
from firmus.roles.gateway import gateway_role
from firmus.roles.intake import intake_role
from firmus.roles.projection import projection_role
from firmus.roles.scheduler import scheduler_role
from firmus.roles.schedules import schedules_role
from firmus.roles.system_worker import system_worker_role
from firmus.scheduler.owner import OwnedScheduler
from firmus.settings import Settings
from firmus.transport.decider import RemoteDecider
from firmus.transport.queues import NotedQueues, PollNotices, RemoteQueues
from firmus.transport.search import NearestSearch, RemoteSearch
from firmus.transport.watching import RemoteWatches

log = structlog.get_logger(__name__)

LAGS_EVERY_S = 5.0


def settle_memory() -> None:
    """What lives as long as the process is never looked at again by the garbage collector, which
    then runs seldom: states are trees, and reference counting frees them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def run_up(settings: Settings) -> None:
    """All but the projection in this loop, and that too if all are one."""
    exclusive = settings.processes != "each"
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(opened(settings, "up"))
        search: SearchPort = RemoteSearch(node.connection)
        if settings.processes == "one":
            projection = await stack.enter_async_context(projection_role(node))
            search = NearestSearch(projection, search)
        decider = await stack.enter_async_context(decider_role(node, exclusive=exclusive))
        scheduler = await stack.enter_async_context(
            scheduler_role(node, decider, exclusive=exclusive)
        )
        await scheduler.ready()
        settle_memory()
        await stack.enter_async_context(system_worker_role(node, decider, scheduler))
        await stack.enter_async_context(intake_role(node, decider))
        await stack.enter_async_context(schedules_role(node, decider, exclusive=exclusive))
        queues = NotedQueues(scheduler, PollNotices(node.connection, node.clock))
        lags = Lags(node.metrics)
        watch = watch_lags(node, scheduler, RemoteSearch(node.connection), lags)
        await stack.enter_async_context(background(watch))
        await stack.enter_async_context(
            gateway_role(node, decider, decider, queues, search, elsewhere=lags.problems)
        )
        await asyncio.Event().wait()


async def watch_lags(
    node: Node, scheduler: OwnedScheduler | None, projection: RemoteSearch, lags: Lags
) -> None:
    """Looks every few seconds how far the readers of the log have come, for /metrics, and whether
    searches are answered.
    """
    while True:
        with contextlib.suppress(LogUnavailable):
            lags.log_end = await node.log.end()
        if scheduler is not None and scheduler.current is not None:
            lags.reached["scheduler"] = scheduler.current.position
        with contextlib.suppress(Unavailable):
            status = await projection.status()
            lags.reached |= {"projection": status.position, "events": status.published}
            lags.search_problem = status.problem
            if status.rebuild is not None and status.rebuild.comparison is not None:
                lags.differences = status.rebuild.comparison.unexplained
        await asyncio.sleep(LAGS_EVERY_S)


async def run_service(role: str, settings: Settings) -> None:
    """One service by itself, until cancelled."""
    async with opened(settings, role) as node, contextlib.AsyncExitStack() as stack:
        if role == "projection":
            await stack.enter_async_context(projection_role(node))
        elif role == "decider":
            await stack.enter_async_context(decider_role(node, exclusive=False))
        else:
            remote = RemoteDecider(
                node.connection, node.log, shards=node.layout.shards, blobs=node.blobs
            )
            await _with_remote_decider(role, node, remote, stack)
        settle_memory()
        if settings.metrics_port and role != "gateway":
            stack.callback(node.metrics.serve(settings.host, settings.metrics_port))
        log.info("serving", role=role, instance=node.instance)
        await asyncio.Event().wait()


async def _with_remote_decider(
    role: str, node: Node, decider: RemoteDecider, stack: contextlib.AsyncExitStack
) -> None:
    match role:
        case "scheduler":
            await stack.enter_async_context(scheduler_role(node, decider, exclusive=False))
        case "intake":
            await stack.enter_async_context(intake_role(node, decider))
        case "schedules":
            await stack.enter_async_context(schedules_role(node, decider, exclusive=False))
        case "gateway":
            queues = RemoteQueues(node.connection, node.clock, returns=Returns(decider))
            await queues.start()
            stack.push_async_callback(queues.stop)
            search = RemoteSearch(node.connection)
            lags = Lags(node.metrics)
            await stack.enter_async_context(background(watch_lags(node, None, search, lags)))
            watches = RemoteWatches(node.connection, shards=node.layout.shards)
            await stack.enter_async_context(
                gateway_role(node, decider, watches, queues, search, elsewhere=lags.problems)
            )
        case "system-worker":
            queues = RemoteQueues(
                node.connection, node.clock, noted=False, returns=Returns(decider)
            )
            await queues.start()
            stack.push_async_callback(queues.stop)
            await stack.enter_async_context(system_worker_role(node, decider, queues))
        case _:
            raise ValueError(f"no such service: {role}")
