"""CPU of each part of the projection, as the service calls it, over commits that are in memory."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search import blueprint
from workflow_log import Source

from firmus.eventlog import codec
from firmus.node import Node
from firmus.projection.cursors import EventsCursor
from firmus.projection.flushing import FLUSH_COMMITS
from firmus.projection.folder import ReadModelFolder
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.publisher import EventsPublisher, Outgoing, Resumed
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.envelope import Record

WORKFLOWS = 3_000


async def parts(node: Node, folder: Path, source: Source) -> None:
    """One after the other."""
    stored = list(source.commits(WORKFLOWS))
    took: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        took[name] = took.get(name, 0.0) + time.process_time() - began

    with timed("decode"):
        records = [codec.record(at, key, data) for at, (key, data) in enumerate(stored, 1)]
    chunks = [records[at : at + CHUNK] for at in range(0, len(records), CHUNK)]
    classifiers = Classifiers(OneDefinition())
    silent = Follower(node.log, rows=None)
    with timed("fold"):
        for chunk in chunks:
            await silent.take(chunk)
    public = Follower(node.log, rows=None, resumed=Resumed(EventsCursor()), classifiers=classifiers)
    out: list[Outgoing] = []
    with timed("make public"):
        for chunk in chunks:
            out += await public.take(chunk)
    took["make public"] -= took["fold"]
    await _sent(node, out, timed)
    await _rows(folder, chunks, classifiers, timed, node)
    events = sum(len(record.commit.events) for record in records)
    print(f"parts, us of CPU an event, of {events:,} events (load {os.getloadavg()[0]:.1f}):")
    for name, seconds in took.items():
        print(f"  {name:<16}{seconds / events * 1e6:6.2f}")
    print(f"  {'together':<16}{sum(took.values()) / events * 1e6:6.2f}")


async def _sent(node: Node, out: list[Outgoing], timed: Any) -> None:
    publisher = await EventsPublisher.open(node.wire)
    await publisher.resume(node.log, EventsCursor())
    with timed("send"):
        for at in range(0, len(out), CHUNK * 2):
            await publisher.send(out[at : at + CHUNK * 2])
            await asyncio.sleep(0)
        await publisher.drained()
    await publisher.close()


async def _rows(
    folder: Path, chunks: list[list[Record]], classifiers: Classifiers, timed: Any, node: Node
) -> None:
    live = LiveModel(ReadModelFolder(folder))
    model = await live.open(1)
    await live.swap(1, model)
    buffer = RowBuffer(classifiers)
    follower = Follower(node.log, rows=buffer)
    for chunk in chunks:
        await follower.take(chunk)
        if buffer.commits >= FLUSH_COMMITS:
            with timed("make rows"):
                batch = await buffer.take(follower.applied, None)
            with timed("write rows"):
                await live.write(batch)
    with timed("words"):
        await live.index_words()
    await live.close()
    live.dispose()


class OneDefinition:
    """All definitions are one that chooses nothing."""

    async def pinned(self, _sha256: str) -> Blueprint:
        return blueprint("any")

    async def workflow(self, _name: str, _version: int | None = None) -> None: ...

    async def workflows(self) -> list[WorkflowDef]:
        return []

    async def last_change(self) -> int:
        return 0
