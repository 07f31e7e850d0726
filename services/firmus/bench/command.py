"""`firmus bench`: what is measured, in which order, and how it is told."""

import argparse
import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from firmus.bench import definitions, workloads
from firmus.bench.definitions import Names
from firmus.bench.paths import Path, native_path, rest_path
from firmus.bench.processes import System, roles_of, started, working
from firmus.bench.report import Measured, line
from firmus.bench.workloads import Emit
from firmus.console.outcome import say
from firmus.console.rest import RestClient
from firmus.console.system import run_loop
from firmus.telemetry import set_up_logging

WHAT = ("w1", "idle", "fan100", "fan1000", "w3", "cost")
OVER = ("native", "rest")
POLLED_TYPES = 12
SETTLE_S = 1.0


def run(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a workflow did not complete."""
    options = _parser().parse_args(arguments)
    set_up_logging("warning")
    rows: list[Measured] = []

    def emit(row: Measured) -> None:
        rows.append(row)
        say(msgspec.json.encode(row).decode() if options.json else line(row))

    run_loop(_run(options, emit))
    return int(any(row.failed for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmus bench",
        description="Measures a system that it starts itself in a temporary folder, or the one "
        "at --url. w1: three tasks in a row, as many as go; idle: one such workflow at a time; "
        "fan100, fan1000: a dynamic fork and its join; w3: starts without workers; cost: CPU of an "
        f"idle system with {POLLED_TYPES} polled task types.",
    )
    add = parser.add_argument
    add("--what", type=_list_of(WHAT), default=list(WHAT), help=f"default {','.join(WHAT)}")
    add("--over", type=_list_of(OVER), default=list(OVER), help=f"default {','.join(OVER)}")
    add("--n", type=int, default=1500, help="workflows of w1 and w3; default 1500")
    add("--idle-n", type=int, default=100, help="workflows of idle; default 100")
    add("--rounds", type=int, default=1, help="how often all is measured; default 1")
    add("--durability", choices=("process", "power"), default="process")
    add("--url", help="measure any Conductor-compatible server there, over REST only")
    add("--server-pid", type=int, help="with --url: its process, for CPU time")
    add("--cost-s", type=float, default=10.0, help="seconds of the cost measurement; default 10")
    add("--json", action="store_true", help="one JSON object a line")
    return parser


def _list_of(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        given = text.split(",")
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: choose from {','.join(known)}")
        return given

    return read


async def _run(options: argparse.Namespace, emit: Emit) -> None:
    for _ in range(options.rounds):
        async with _system(options) as system:
            for over in options.over:
                if over == "native" and system.nats is None:
                    continue
                await _measure(options, system, over, emit)


@contextlib.asynccontextmanager
async def _system(options: argparse.Namespace) -> AsyncIterator[System]:
    if options.url:
        pids = roles_of(options.server_pid) if options.server_pid else {}
        yield System(rest=options.url.rstrip("/"), nats=None, pids=pids)
        return
    async with started(options.durability) as system:
        yield system


@contextlib.asynccontextmanager
async def opened_path(system: System, over: str, names: Names) -> AsyncIterator[Path]:
    if over == "rest" or system.nats is None:
        async with rest_path(system.rest) as rest:
            yield rest
    else:
        async with native_path(system.nats, [names.sequence, names.fan]) as native:
            yield native


async def _measure(options: argparse.Namespace, system: System, over: str, emit: Emit) -> None:
    names = Names(secrets.token_hex(3))
    register(system, names)
    what = set(options.what)
    async with opened_path(system, over, names) as path:
        if what - {"w3", "cost"}:
            url = system.rest if over == "rest" else system.nats or ""
            async with working(over, url, names.worked_on()) as worker:
                await asyncio.sleep(SETTLE_S)
                pids = {**system.pids, "worker": worker.pid}
                await _with_workers(options, path, names, pids, emit)
        if "w3" in what:
            emit(await workloads.accepted(path, names, options.n, system.pids))
    if "cost" in what:
        await _cost(options, system, over, emit)


async def _with_workers(
    options: argparse.Namespace, path: Path, names: Names, pids: dict[str, int], emit: Emit
) -> None:
    """What needs workers, first of all what tells the latency of a quiet system."""
    what = set(options.what)
    await workloads.one_by_one(path, names, 10, pids)
    if "idle" in what:
        emit(await workloads.one_by_one(path, names, options.idle_n, pids))
    if "w1" in what:
        emit(await workloads.saturated(path, names, options.n, pids))
    for width in (100, 1000):
        if f"fan{width}" in what:
            emit(await workloads.fanned(path, names, width, pids))


async def _cost(options: argparse.Namespace, system: System, over: str, emit: Emit) -> None:
    """Other names than before: what is left in the queues of those is not to be found."""
    await asyncio.sleep(SETTLE_S)
    emit(await workloads.at_rest(over, "at rest", 0, system.pids, options.cost_s))
    tag = secrets.token_hex(3)
    polled = [f"bench_{tag}_{number}" for number in range(POLLED_TYPES)]
    RestClient(system.rest).register_tasks(definitions.task_defs(polled))
    url = system.rest if over == "rest" else system.nats or ""
    async with working(over, url, polled, "--pollers", "1", "--batch", "1") as worker:
        await asyncio.sleep(SETTLE_S)
        pids = {**system.pids, "worker": worker.pid}
        emit(await workloads.at_rest(over, "polled", POLLED_TYPES, pids, options.cost_s))


def register(system: System, names: Names) -> None:
    rest = RestClient(system.rest)
    rest.register_tasks(definitions.task_defs(names.worked_on()))
    for definition in (definitions.sequence(names), definitions.fan(names)):
        rest.register_workflow(definition)
