"""Decides for the shards it has, over core NATS and for this process."""

import contextlib
import os
from collections.abc import AsyncIterator

from firmus.broker.cache import JetStreamCache
from firmus.broker.polldata import PollTable, listen
from firmus.broker.rejections import JetStreamRejections
from firmus.broker.slots import slot_ledger
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.decider.service import Decider
from firmus.metrics import decider_metrics
from firmus.node import Node
from firmus.roles.shards import shards_of
from firmus.roles.surroundings import ENVIRONMENT_PREFIX, SECRET_PREFIX, named_values
from firmus.transport.decider import DeciderServer
from firmus.transport.watching import WatchServer


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
        async with shards_of(node, "decider", gained, lost, exclusive=exclusive):
            yield decider
    finally:
        for server in servers:
            await server.stop()
        await decider.drain()
        await stop_listening()
        javascript.close()
        await jq.close()
