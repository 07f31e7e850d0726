"""Timers on a real log: many pending, many due at once, and a scheduler that starts anew.

    python benchmarks/timers.py [--pending 1000000] [--due 1000,3000,20000] [--within-ms 1000]

A nats-server in a temporary folder holds a log of parked workflows (a WAIT each, due in a day),
written here past the decider. A process with a decider and a scheduler, put together as
`firmus up` does it, reads the whole log, writes checkpoints and ends; a second one starts from
those. Then, for each number in `due`, so many more workflows come, whose waits end evenly within
`within-ms`, and each has to be read, decided and committed. Lateness counts from the deadline:
`decided` to the time of the commit that completes the WAIT, `seen` to its arrival at a follower of
the log in this process.
"""

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from firmus.decider.context import Context, Decision
from firmus.decider.decide import decide
from firmus.embedded.datadir import claimed
from firmus.embedded.nats_server import NatsServer
from firmus.eventlog import codec
from firmus.node import Node, opened
from firmus.roles.decider import decider_role
from firmus.roles.scheduler import scheduler_role
from firmus.settings import Settings
from firmus.wiring import settle_memory
from firmus.workflow.blueprint import Blueprint
from firmus_contracts import events as ev
from firmus_contracts import ids, subjects
from firmus_contracts.commands import StartWorkflow
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from firmus_contracts.envelope import Cause, Commit

DAY_MS = 86_400_000
AT_ONCE = 2_000
AHEAD_S = 15.0
READY_BUDGET_S = 20.0
LATE_BUDGET_MS = 300
SEEN_WITHIN_S = 120.0


class Log:
    """Writes parked workflows into the log as the decider would have."""

    def __init__(self, node: Node, blueprint: Blueprint) -> None:
        self._node = node
        self._blueprint = blueprint
        self._number = 0

    async def park(self, deadlines_ms: list[int]) -> None:
        shards = self._node.layout.shards
        for first in range(0, len(deadlines_ms), AT_ONCE):
            now_ms = self._node.clock.now_ms()
            events = self._events(now_ms)
            batch = [
                self._stored(events, now_ms, deadline_ms)
                for deadline_ms in deadlines_ms[first : first + AT_ONCE]
            ]
            await asyncio.gather(
                *(
                    self._node.wire.publish(
                        subjects.log_subject(0, ids.shard_of(name, shards), name),
                        stored,
                        expected=0,
                    )
                    for name, stored in batch
                )
            )

    def _events(self, now_ms: int) -> tuple[ev.WorkflowEvent, ...]:
        command = StartWorkflow(
            command_id="x", workflow_id=ids.mint_workflow_id(now_ms, 0), name="nap"
        )
        context = Context(now_ms=now_ms, entropy="x", blueprint=self._blueprint)
        decision = decide(None, command, context)
        assert isinstance(decision, Decision)
        return decision.events

    def _stored(
        self, events: tuple[ev.WorkflowEvent, ...], now_ms: int, deadline_ms: int
    ) -> tuple[str, bytes]:
        self._number += 1
        workflow_id = ids.mint_workflow_id(now_ms, self._number)
        *rest, wait = events
        commit = Commit(
            commit_id=f"{self._number:016x}",
            workflow_id=workflow_id,
            first_version=1,
            time_ms=now_ms,
            events=(*rest, msgspec.structs.replace(wait, deadline_ms=deadline_ms)),
            causes=(Cause(command_id=workflow_id, kind="start_workflow", events=len(events)),),
        )
        return workflow_id, codec.encode(commit).stored


async def blueprint_of(node: Node) -> Blueprint:
    nap = WorkflowTask(
        name="nap", task_reference_name="nap", type="WAIT", input_parameters={"duration": "1 day"}
    )
    await node.definitions.put_workflow(WorkflowDef(name="nap", tasks=[nap]), overwrite=True)
    pinned = await node.definitions.pin("nap")
    assert pinned is not None
    return pinned.blueprint


def services(url: str, pipe: Pipe) -> None:
    """A decider and a scheduler until told to stop; tells when they have caught up."""
    began = time.perf_counter()
    uvloop.run(_services(url, pipe, began))


async def _services(url: str, pipe: Pipe, began: float) -> None:
    settings = Settings(nats_url=url, log_level="warning")
    async with (
        opened(settings, "timers") as node,
        decider_role(node, exclusive=True) as decider,
        scheduler_role(node, decider, exclusive=True) as owner,
    ):
        await owner.ready()
        ready_s = time.perf_counter() - began
        settle_memory()
        scheduler = owner.current
        assert scheduler is not None
        pipe.send((ready_s, rss_mib(), scheduler.counters()))
        await asyncio.to_thread(pipe.recv)
        pipe.send((time.process_time(), rss_mib(), scheduler.counters()))


class Services:
    """That process."""

    def __init__(self, url: str) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=services, args=(url, theirs), daemon=True)
        self._process.start()

    async def told(self) -> tuple[float, float, dict[str, int]]:
        found: tuple[float, float, dict[str, int]] = await asyncio.to_thread(self._pipe.recv)
        return found

    async def stop(self) -> tuple[float, float, dict[str, int]]:
        self._pipe.send("stop")
        found = await self.told()
        await asyncio.to_thread(self._process.join)
        return found


def rss_mib() -> float:
    """What this process holds now."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


async def seen(node: Node, after: int, deadlines_ms: dict[str, int]) -> list[tuple[int, int]]:
    """How late the completions of these workflows were decided and seen, milliseconds each."""
    late: dict[str, tuple[int, int]] = {}
    async with asyncio.timeout(SEEN_WITHIN_S):
        async for batch in node.log.follow(after=after):
            now_ms = node.clock.now_ms()
            for record in batch:
                at_ms = deadlines_ms.get(record.workflow_id)
                if at_ms is not None and record.commit.first_version > 1:
                    late[record.workflow_id] = (record.commit.time_ms - at_ms, now_ms - at_ms)
            if len(late) == len(deadlines_ms):
                break
    return list(late.values())


async def burst(node: Node, log: Log, due: int, within_ms: int) -> None:
    at_ms = node.clock.now_ms() + int(AHEAD_S * 1000)
    before = await node.log.end()
    times = [at_ms + number * within_ms // due for number in range(due)]
    await log.park(times)
    if node.clock.now_ms() > at_ms - 2_000:
        sys.exit("the machine is too slow to write the workflows before they are due")
    deadlines: dict[str, int] = {}
    async for batch in node.log.follow(after=before, payloads=False):
        for record in batch:
            wait = record.commit.events[-1]
            assert isinstance(wait, ev.TaskScheduled)
            deadlines[record.workflow_id] = wait.deadline_ms or 0
        if len(deadlines) == due:
            break
    after = await node.log.end()
    late = await seen(node, after, deadlines)
    for what, values in (
        ("decided", sorted(decided for decided, _ in late)),
        ("seen", sorted(at for _, at in late)),
    ):
        p50, p99 = statistics.median(values), values[len(values) * 99 // 100]
        over = "" if p99 <= LATE_BUDGET_MS else f"  (over {LATE_BUDGET_MS})"
        late_ms = f"late by ms: p50 {p50:,.0f}, p99 {p99:,}, most {values[-1]:,}{over}"
        print(f"{due:>7,} due, {what:<8} {late_ms}")


def ready(what: str, found: tuple[float, float, dict[str, int]]) -> None:
    seconds, mib, counters = found
    print(
        f"{what:<22}{seconds:7.1f} s {mib:8,.0f} MiB {counters['timers_pending']:>10,} timers"
        + ("" if seconds <= READY_BUDGET_S else f"  (over {READY_BUDGET_S:.0f} s)")
    )


async def measure(given: Any, url: str) -> None:
    async with opened(Settings(nats_url=url, log_level="warning"), "driver") as node:
        log = Log(node, await blueprint_of(node))
        far_ms = node.clock.now_ms() + DAY_MS
        began = time.perf_counter()
        step = max(1, DAY_MS // max(given.pending, 1))
        await log.park([far_ms + number * step for number in range(given.pending)])
        print(f"{given.pending:,} workflows written in {time.perf_counter() - began:.1f} s")
        first = Services(url)
        ready("ready, whole log read", await first.told())
        await first.stop()
        again = Services(url)
        ready("ready from checkpoints", await again.told())
        for due in given.due:
            await burst(node, log, due, given.within_ms)
        _, mib, counters = await again.stop()
        fired = counters["timers_fired"] or 1
        print(
            f"fired {fired:,}, mean {counters['timer_lateness_ms_sum'] / fired:,.0f} ms late, "
            f"most {counters['timer_lateness_ms_max']:,}; {mib:,.0f} MiB"
        )


async def run(given: Any) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="firmus-timers-") as folder,
        claimed(Path(folder)) as directory,
    ):
        server = NatsServer(directory, port=-1)
        await server.start()
        try:
            await measure(given, server.url)
        finally:
            await server.stop()


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--due", type=numbers, default=[1_000, 3_000, 20_000])
    parser.add_argument("--within-ms", type=int, default=1_000)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
