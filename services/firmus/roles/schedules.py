"""Starts workflows by the clock, one process at a time."""

import contextlib
from collections.abc import AsyncIterator

from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.leases import Lease, bucket_ttl_s
from firmus.broker.starting import Starts
from firmus.eventlog.uploads import JetStreamUploads
from firmus.metrics import schedules_metrics
from firmus.node import Node
from firmus.ports import DeciderPort
from firmus.roles.background import background
from firmus.schedules.service import ScheduleService
from firmus.schedules.starting import Starter
from firmus_contracts.subjects import SCHEDULES_SUBJECTS


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
