"""How fast a scheduler is ready again: from checkpoints, and by reading the whole log.

    python benchmarks/scheduler_restart.py [--open 1000000] [--ended 0] [--shards 16]

Builds a log of workflows with one open timer each (a WAIT), folds it in one process and writes
checkpoints; then measures both restarts in fresh processes. Seconds are wall clock, RSS is what
the process holds at the end. The log is read from memory: reading it from a broker comes on top.
"""

import argparse
import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from firmus.eventlog import codec
from firmus.scheduler import checkpoint
from firmus.scheduler.checkpoints import Checkpoints
from firmus.scheduler.fold import Fold
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Cause, Commit
from firmus_contracts.statuses import TaskStatus

START_MS = 1_700_000_000_000
HORIZON_MS = 86_400_000
BUDGET_S = 20.0


class FileStore:
    """A CheckpointStore in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, data: bytes) -> None:
        (self._folder / name).write_bytes(data)

    async def get(self, name: str) -> bytes | None:
        path = self._folder / name
        return path.read_bytes() if path.exists() else None


def stored_commits(open_count: int, ended_count: int) -> Iterator[tuple[str, bytes]]:
    """(workflow id, stored bytes) as the log holds them, ended workflows spread among the open."""
    every = max(1, open_count // ended_count) if ended_count else 0
    for number in range(open_count):
        workflow_id = ids.mint_workflow_id(START_MS + number, number * 2)
        due_ms = START_MS + 60_000 + number * 7919 % HORIZON_MS
        wait = ev.TaskScheduled(
            ordinal=1,
            seq=1,
            ref="pause",
            task_type="WAIT",
            status=TaskStatus.IN_PROGRESS,
            task_def_name="pause",
            input={"duration": "1 day"},
            deadline_ms=due_ms,
        )
        yield workflow_id, _stored(workflow_id, number, 1, _started(), wait)
        if every and number % every == 0:
            done_id = ids.mint_workflow_id(START_MS + number, number * 2 + 1)
            work = ev.TaskScheduled(
                ordinal=1,
                seq=1,
                ref="work",
                task_type="work",
                queued=True,
                timeouts=ev.Timeouts(response_s=3600),
            )
            yield done_id, _stored(done_id, number, 1, _started(), work)
            yield done_id, _stored(done_id, number, 3, ev.TaskBegun(ordinal=1, worker_id="w"))
            end = (ev.TaskCompleted(ordinal=1), ev.WorkflowCompleted())
            yield done_id, _stored(done_id, number, 4, *end)


def _started() -> ev.WorkflowStarted:
    return ev.WorkflowStarted(
        name="nightly", definition_version=1, definition_hash="f" * 64, input={"order": 4711}
    )


def _stored(workflow_id: str, number: int, version: int, *events: ev.WorkflowEvent) -> bytes:
    commit = Commit(
        commit_id=f"{number:016x}",
        workflow_id=workflow_id,
        first_version=version,
        time_ms=START_MS + number,
        events=events,
        causes=(Cause(command_id=f"{workflow_id}/{version}", kind="start_workflow"),),
        previous="0" * 64,
    )
    return codec.encode(commit).stored


def fold_all(open_count: int, ended_count: int, shards: int) -> tuple[Fold, float]:
    """The fold of the whole log, and the seconds that decoding and folding took."""
    fold = Fold(shards, range(shards))
    taken_s = 0.0
    batch: list[tuple[str, bytes]] = []
    position = 0

    def work() -> None:
        nonlocal taken_s, position
        before = time.perf_counter()
        for workflow_id, stored in batch:
            position += 1
            fold.apply(codec.record(position, workflow_id, stored))
        taken_s += time.perf_counter() - before
        batch.clear()
        fold.fresh.clear()

    for entry in stored_commits(open_count, ended_count):
        batch.append(entry)
        if len(batch) == 1000:
            work()
    work()
    return fold, taken_s


def rss_mib() -> float:
    """The largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)


def report(what: str, seconds: float, fold: Fold) -> None:
    timers, commits = fold.timeline.live, fold.commits
    rate = f"{commits / seconds:,.0f} commits/s" if commits else ""
    print(f"{what:<22}{seconds:7.2f} s {rss_mib():8,.0f} MiB {timers:>10,} timers  {rate}")


def rebuild(folder: str, open_count: int, ended_count: int, shards: int) -> None:
    fold, taken_s = fold_all(open_count, ended_count, shards)
    report("full rebuild", taken_s, fold)
    longest_s = 0.0
    for number in range(shards):
        before = time.perf_counter()
        checkpoint.encode_shard(fold, number, shards)
        longest_s = max(longest_s, time.perf_counter() - before)
    print(f"{'longest pause to write':<22}{longest_s:7.3f} s")
    checkpoints = Checkpoints(FileStore(Path(folder)), fold, range(shards), shards)
    asyncio.run(checkpoints.write(pause_s=0))


def restart(folder: str, open_count: int, shards: int) -> None:
    fold = Fold(shards, range(shards))
    before = time.perf_counter()
    store = FileStore(Path(folder))
    asyncio.run(Checkpoints(store, fold, range(shards), shards).load(end=1 << 62))
    first = fold.timeline.due(START_MS + 60_000, 10)
    taken_s = time.perf_counter() - before
    report("from checkpoints", taken_s, fold)
    size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024 / 1024
    print(f"{'size of checkpoints':<22}{size:7,.0f} MiB, first due: {len(first)}")
    if taken_s > BUDGET_S or fold.timeline.live != open_count:
        sys.exit(f"over the budget of {BUDGET_S} s, or timers are missing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--ended", type=int, default=0)
    parser.add_argument("--shards", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        steps = (
            (rebuild, (folder, given.open, given.ended, given.shards)),
            (restart, (folder, given.open, given.shards)),
        )
        for step, arguments in steps:
            process = multiprocessing.get_context("spawn").Process(target=step, args=arguments)
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
