"""How far rows, public events and full text are behind the log, seen from another process.

usage: python benchmarks/projection_watch.py --data-dir DIR [--seconds S]

Watches a running `firmus up` by its data folder, whatever load it has, for example `firmus bench
--url ... --what w1`.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path

import msgspec
import uvloop

from firmus.embedded.datadir import read_address
from firmus.node import Node, opened
from firmus.projection.folder import ReadModelFolder
from firmus.settings import Settings
from firmus.transport.search import RemoteSearch

TICK_S = 0.005
LOOK_S = 0.02
Seen = list[tuple[float, int]]
"""When, and which number was reached."""


class Rows:
    """The read model, looked at from another process."""

    def __init__(self, folder: Path) -> None:
        models = ReadModelFolder(folder)
        number = models.current()
        assert number is not None
        file = models.file(number)
        self._rows = sqlite3.connect(file, isolation_level=None)
        self._rows.execute("ATTACH ? AS words", (f"{file}-words",))

    def close(self) -> None:
        self._rows.close()

    def position(self) -> int:
        found = self._rows.execute("SELECT value FROM progress WHERE key = 'rows'").fetchone()
        return int(msgspec.json.decode(found[0])["position"]) if found else 0

    def changes(self) -> tuple[int, int]:
        """The number of the newest transaction, and of that up to which the words are."""
        newest = self._rows.execute(
            "SELECT max((SELECT max(change) FROM workflows), (SELECT max(change) FROM tasks))"
        ).fetchone()[0]
        taken = self._rows.execute(
            "SELECT min(change), count(*) FROM words.cursor WHERE name != 'removed'"
        ).fetchone()
        return newest or 0, taken[0] if taken[1] == 2 else 0


def behind_ms(written: list[tuple[float, int]], seen: list[tuple[float, int]]) -> list[float]:
    """For each thing written (when, its number), how long until that number was seen."""
    found, at = [], 0
    for when, number in written:
        while at < len(seen) and seen[at][1] < number:
            at += 1
        if at == len(seen):
            break
        found.append(max(0.0, seen[at][0] - when) * 1000)
    return found


def _tell(what: str, found: list[float]) -> None:
    ordered = sorted(found) or [float("nan")]
    p50, p99 = statistics.median(ordered), ordered[len(ordered) * 99 // 100]
    print(f"  {what:<16} behind by ms: p50 {p50:,.0f}, p99 {p99:,.0f}, most {ordered[-1]:,.0f}")


class Sightings(msgspec.Struct):
    """`changes`: transactions of rows, and when they were first seen; `words`: those that the
    index has.
    """

    rows: Seen = []
    published: Seen = []
    changes: Seen = []
    words: Seen = []


def tell(written: Seen, seen: Sightings) -> None:
    _tell("rows", behind_ms(written, seen.rows))
    _tell("public events", behind_ms(written, seen.published))
    _tell("words of rows", behind_ms(seen.changes, seen.words))


async def watch(folder: Path, node: Node, load: asyncio.Task[None]) -> Sightings:
    """Samples until the load is over and all of it has been seen."""
    seen = Sightings()
    search = RemoteSearch(node.connection)
    looked_s = 0.0
    with closing(Rows(folder)) as rows:
        while True:
            now_s = time.perf_counter()
            seen.rows.append((now_s, rows.position()))
            newest, taken = rows.changes()
            if not seen.changes or seen.changes[-1][1] < newest:
                seen.changes.append((now_s, newest))
            seen.words.append((now_s, taken))
            if now_s - looked_s > LOOK_S:
                looked_s = now_s
                seen.published.append((time.perf_counter(), (await search.status()).published))
            if load.done():
                await load
                end = await node.log.end()
                there = min(seen.rows[-1][1], seen.published[-1][1])
                if there >= end and taken >= newest:
                    return seen
            await asyncio.sleep(TICK_S)


async def run(data: Path, seconds: float) -> None:
    address = read_address(data)
    if address is None:
        raise SystemExit(f"no firmus runs on {data}")
    async with opened(Settings(nats_url=address.nats, log_level="warning"), "watch") as node:
        written: Seen = []
        seen = await watch(
            data / "readmodel", node, asyncio.create_task(_ends(node, seconds, written))
        )
    first, last = written[0], written[-1]
    rate = (last[1] - first[1]) / (last[0] - first[0])
    print(f"{rate:,.0f} commits/s for {seconds:.0f} s (load {os.getloadavg()[0]:.1f})")
    tell(written, seen)


async def _ends(node: Node, seconds: float, written: Seen) -> None:
    """The positions of the log's end, when they were new."""
    began = time.perf_counter()
    while (now_s := time.perf_counter()) - began < seconds:
        end = await node.log.end()
        if not written or written[-1][1] < end:
            written.append((now_s, end))
        await asyncio.sleep(TICK_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    uvloop.run(run(given.data_dir, given.seconds))


if __name__ == "__main__":
    main()
