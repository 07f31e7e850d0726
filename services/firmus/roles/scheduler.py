"""Task queues, timers and errands of the shards it has."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from firmus.broker.checkpoint_store import JetStreamCheckpoints
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.sinks import NatsSinks
from firmus.broker.slots import grant_ledger, slot_ledger
from firmus.broker.starting import Starts
from firmus.metrics import scheduler_metrics
from firmus.node import Node
from firmus.ports import DeciderPort
from firmus.returning import Returns
from firmus.roles.shards import shards_of
from firmus.scheduler.failure_input import failure_input as failure_input_of
from firmus.scheduler.owner import OwnedScheduler
from firmus.scheduler.service import Scheduler
from firmus.transport.definition_news import DefinitionNews
from firmus.transport.queue_server import QueuesServer
from firmus.workflow.limits import Registered, registered_limits


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

    returns = Returns(decider)
    owner = OwnedScheduler(make, lambda served: QueuesServer(node.connection, served, returns))
    scheduler_metrics(node.metrics, owner)
    news = DefinitionNews(node.connection, owner.learn_limits)
    await news.start()
    try:
        if exclusive:
            await owner.own(range(node.layout.shards))
            yield owner
        else:
            async with shards_of(node, "scheduler", owner.gain, owner.lose, exclusive=False):
                try:
                    yield owner
                finally:
                    # At once: shard by shard it would take over what is left again and again.
                    await owner.stop()
    finally:
        await news.stop()
        await owner.stop()


async def failure_input(node: Node, decider: DeciderPort, workflow_id: str) -> dict[str, Any]:
    """What a failure workflow is told of the failed one (spec 4.7)."""
    state = await decider.read(workflow_id)
    if state is None:
        raise LookupError(workflow_id)
    blueprint = await node.definitions.pinned(state.definition_hash)
    return failure_input_of(state, blueprint, now_ms=node.clock.now_ms())
