"""What the projection costs and how far it stays behind, public events and full text included.

usage: python benchmarks/projection.py [--workflows N] [--rate EVENTS_A_SECOND] [--seconds S]
       [--what parts,all,steady,rebuild]

The workflows have three tasks (14 events in 7 commits), 200 of them open at a time, written into a
real log past the decider. `parts`: CPU of each part per event, one after the other in this process.
`all`: a projection process (as `firmus serve projection`) takes a log that is there, in events a
second of its CPU and of the clock. `steady`: the log grows at a rate, and rows, public events and
full text are watched from outside, ms behind. `rebuild`: the read model of that log anew, compared.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvloop
from projection_parts import parts
from projection_watch import Rows, tell, watch
from workflow_log import SHAPES, Shape, Source, register, shapes, write

from firmus.embedded.datadir import claimed
from firmus.embedded.nats_server import NatsServer
from firmus.node import Node, opened
from firmus.ports import Unavailable
from firmus.roles.projection import projection_role
from firmus.settings import Settings
from firmus.transport.search import RemoteSearch
from firmus.wiring import settle_memory

WHAT = ("parts", "all", "steady", "rebuild")
PARTS_WORKFLOWS = 3_000
TICK_S = 0.01
LOOK_S = 0.05


def projection(url: str, folder: str, pipe: Pipe) -> None:
    """The projection as a process; tells its CPU seconds whenever it is asked."""
    uvloop.run(_projection(url, folder, pipe))


async def _projection(url: str, folder: str, pipe: Pipe) -> None:
    settings = Settings(nats_url=url, data_dir=folder, log_level="warning", instance="bench")
    async with opened(settings, "projection") as node, projection_role(node):
        settle_memory()
        while await asyncio.to_thread(pipe.recv) != "stop":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(used.ru_utime + used.ru_stime)


class Projection:
    """That process."""

    def __init__(self, url: str, folder: Path) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=projection, args=(url, str(folder), theirs), daemon=True
        )
        self._process.start()
        self.folder = folder / "readmodel"

    async def cpu_s(self) -> float:
        self._pipe.send("cpu")
        found: float = await asyncio.to_thread(self._pipe.recv)
        return found

    async def stop(self) -> None:
        self._pipe.send("stop")
        await asyncio.to_thread(self._process.join)


@asynccontextmanager
async def projecting(url: str, folder: Path) -> AsyncIterator[Projection]:
    process = Projection(url, folder)
    try:
        yield process
    finally:
        await process.stop()


async def until(holds: Callable[[], Any]) -> None:
    while True:
        if await holds():
            return
        await asyncio.sleep(LOOK_S)


async def status_reached(search: RemoteSearch, end: int) -> bool:
    try:
        status = await search.status()
    except Unavailable:
        return False
    return status.active and min(status.position, status.published) >= end


async def everything(node: Node, given: Any, folder: Path, source: Source, of: Shape) -> None:
    commits = source.commits(given.workflows)
    while await write(node, commits):
        pass
    end, events = await node.log.end(), given.workflows * of.events
    search = RemoteSearch(node.connection)
    began = time.perf_counter()
    async with projecting(node.settings.nats_url or "", folder) as process:
        await until(lambda: status_reached(search, end))
        taken_s, cpu_s = time.perf_counter() - began, await process.cpu_s()
        with closing(Rows(process.folder)) as rows:

            async def words_there() -> bool:
                newest, taken = rows.changes()
                return rows.position() >= end and taken >= newest

            await until(words_there)
        words_s, cpu_all_s = time.perf_counter() - began, await process.cpu_s()
    print(
        f"all: {events:,} events: {events / taken_s:,.0f}/s, {events / cpu_s:,.0f} a second of CPU;"
        f" words of the last row {words_s - taken_s:.1f} s later;"
        f" {cpu_all_s / events * 1e6:.1f} us of CPU an event in all (load {os.getloadavg()[0]:.1f})"
    )


async def steady(node: Node, given: Any, folder: Path, source: Source, of: Shape) -> None:
    search = RemoteSearch(node.connection)
    async with projecting(node.settings.nats_url or "", folder) as process:
        end = await node.log.end()
        await until(lambda: status_reached(search, end))
        await asyncio.sleep(2)
        written: list[tuple[float, int]] = []
        writer = asyncio.create_task(_write_steadily(node, given, source, of, written))
        began, before_s = time.perf_counter(), await process.cpu_s()
        seen = await watch(process.folder, node, writer)
        taken_s, cpu_s = time.perf_counter() - began, await process.cpu_s() - before_s
    events = len(written) and (written[-1][1] - end) * of.events / len(of.commits)
    taken_s = written[-1][0] - began
    print(
        f"steady: {events / taken_s:,.0f} events/s for {taken_s:.0f} s,"
        f" {cpu_s / max(events, 1) * 1e6:.1f} us of CPU an event (load {os.getloadavg()[0]:.1f})"
    )
    tell(written, seen)


async def _write_steadily(
    node: Node, given: Any, source: Source, of: Shape, written: list[tuple[float, int]]
) -> None:
    commits, loop = source.endless(), asyncio.get_running_loop()
    rate = given.rate * len(of.commits) / of.events
    began, sent = loop.time(), 0
    while (since_s := loop.time() - began) < given.seconds:
        due = int(since_s * rate) - sent
        if due > 0:
            sent += await write(node, commits, due)
            written.append((time.perf_counter(), await node.log.end()))
        await asyncio.sleep(TICK_S)


async def rebuild(node: Node, folder: Path, of: Shape) -> None:
    search = RemoteSearch(node.connection)
    async with projecting(node.settings.nats_url or "", folder) as process:
        end = await node.log.end()
        await until(lambda: status_reached(search, end))
        await asyncio.sleep(2)
        before_s = await process.cpu_s()
        await search.rebuild("strict")
        read_s = 0.0
        while (now := (await search.status()).rebuild) is None or now.state == "running":
            if now is not None and now.phase == "reading":
                read_s = now.elapsed_s
            await asyncio.sleep(0.1)
        cpu_s = await process.cpu_s() - before_s
    events = end * of.events / len(of.commits)
    compared = now.comparison.rows if now.comparison else 0
    print(
        f"rebuild: {now.state}, {events / of.events:,.0f} workflows, {events:,.0f} events in"
        f" {now.elapsed_s:.1f} s ({events / read_s:,.0f}/s read, {events / cpu_s:,.0f} a second of"
        f" CPU); {compared:,} rows compared in {now.elapsed_s - read_s:.1f} s"
    )


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Node, Path]]:
    """A nats-server with a folder of its own, and a connection to it."""
    with (
        tempfile.TemporaryDirectory(prefix="firmus-projection-", dir=folder) as own,
        claimed(Path(own)) as directory,
    ):
        server = NatsServer(directory, port=-1)
        await server.start()
        try:
            async with opened(Settings(nats_url=server.url, log_level="warning"), "driver") as node:
                yield node, Path(own)
        finally:
            await server.stop()


async def run(given: Any) -> None:
    if "parts" in given.what:
        async with serving(given.folder) as (node, folder):
            await parts(node, folder / "parts", Source(shapes(["0" * 64] * SHAPES)))
    if not set(given.what) - {"parts"}:
        return
    async with serving(given.folder) as (node, folder):
        kinds = shapes(await register(node))
        source = Source(kinds)
        if "all" in given.what or "rebuild" in given.what:
            await everything(node, given, folder, source, kinds[0])
        if "steady" in given.what:
            await steady(node, given, folder, source, kinds[0])
        if "rebuild" in given.what:
            await rebuild(node, folder, kinds[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workflows", type=int, default=20_000)
    parser.add_argument("--rate", type=int, default=12_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--what", type=lambda text: text.split(","), default=list(WHAT))
    parser.add_argument("--folder", type=Path)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
