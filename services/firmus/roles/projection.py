"""The read model, published events, and answers to searches."""

import contextlib
from collections.abc import AsyncIterator

from firmus.broker.leases import Lease, bucket_ttl_s
from firmus.embedded.own_folder import read_models
from firmus.metrics import projection_metrics
from firmus.node import Node
from firmus.projection.publisher import EventsPublisher
from firmus.projection.service import ProjectionService
from firmus.roles.background import background
from firmus.transport.search import SearchServer


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
