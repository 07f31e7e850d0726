"""The shards of a service: all of them where nobody else can be, else those it has leases for."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from firmus.broker.leases import bucket_ttl_s
from firmus.broker.shard_leases import ShardLeases
from firmus.node import Node


@contextlib.asynccontextmanager
async def shards_of(
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
