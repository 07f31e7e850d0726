"""`firmus rebuild`, `rollback` and `readmodel`: work on the read models, wherever they are."""

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from firmus.broker.access import access_in
from firmus.broker.connection import connect
from firmus.console.outcome import CommandError, say
from firmus.console.system import LOCAL_NATS, run_loop, settings_of
from firmus.embedded.datadir import read_address
from firmus.ports import Comparison, ReadModelsPort, RebuildProgress, Unavailable
from firmus.settings import Settings
from firmus.transport.search import RemoteSearch
from firmus_contracts.errors import Refusal

LOOK_S = 0.2
LINE_S = 5.0
PATIENCE_S = 60.0
BAR_MAX = 40


def rebuild(options: argparse.Namespace) -> int:
    """Starts a rebuild, unless one is only to be watched, and shows it to its end."""

    async def work(models: ReadModelsPort) -> None:
        if options.watch:
            begun = (await models.status()).rebuild
            if begun is None:
                raise CommandError("no rebuild was asked for since the projection started")
        else:
            begun = await models.rebuild(options.verify)
        _conclude(await watch(models, begun, _shown()))

    return _run(options, work)


def roll_back(options: argparse.Namespace) -> int:
    async def work(models: ReadModelsPort) -> None:
        begun = await models.roll_back()
        say(f"read model {begun.model} is in use again; it catches up")
        _conclude(await watch(models, begun, _shown()))

    return _run(options, work)


def status(options: argparse.Namespace) -> int:
    async def work(models: ReadModelsPort) -> None:
        if options.drop_kept:
            await models.drop_kept()
        found = msgspec.to_builtins(await models.status())
        say(json.dumps(found, indent=None if options.json else 2))

    return _run(options, work)


async def watch(
    models: ReadModelsPort, begun: RebuildProgress, show: Callable[[RebuildProgress], None]
) -> RebuildProgress:
    """Shows what `begun` comes to, and returns its end. Another projection that takes over goes on
    without it, as does one that was started again or does something else by now. Raises
    CommandError.
    """
    loop = asyncio.get_running_loop()
    heard_s = loop.time()
    while True:
        try:
            found = await models.status()
        except Unavailable as problem:
            if loop.time() - heard_s > PATIENCE_S:
                raise CommandError(str(problem)) from None
            await asyncio.sleep(LOOK_S)
            continue
        heard_s = loop.time()
        now = found.rebuild
        if now is not None and (now.model, now.kind) == (begun.model, begun.kind):
            show(now)
            if now.state != "running":
                return now
        elif found.current is not None and found.current.model == begun.model:
            return msgspec.structs.replace(begun, state="done")
        else:
            raise CommandError("the projection began something else: the rebuild was cut off")
        await asyncio.sleep(LOOK_S)


def bar(now: RebuildProgress, width: int) -> str:
    """One line of at most `width` characters: what is done, how fast, how long it still takes."""
    done, of = now.position, max(now.target, now.position)
    if now.phase == "verifying" and now.comparison is not None:
        told = f"{now.comparison.rows:,} rows compared"
        return f"verifying  {told}, {now.comparison.different:,} differ"[:width]
    share = done / of if of else 1.0
    rest = f" {share:4.0%}  {done:,} of {of:,}  {now.rate:,.0f}/s"
    if now.state == "running":
        rest += f"  {duration(now.left_s)} left"
    label = "catching up" if now.kind == "catch_up" else now.phase
    room = min(BAR_MAX, width - len(label) - len(rest) - 4)
    filled = int(share * room)
    drawn = f" [{'#' * filled}{'.' * (room - filled)}]" if room >= 5 else ""
    return f"{label}{drawn}{rest}"[:width]


def duration(seconds: float) -> str:
    """`7 s`, `3:05 min` or `1:02:03 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h"


def _shown() -> Callable[[RebuildProgress], None]:
    """A bar that is drawn again in place on a terminal, lines now and then elsewhere."""
    if sys.stderr.isatty():

        def draw(now: RebuildProgress) -> None:
            width = shutil.get_terminal_size().columns - 1
            end = "" if now.state == "running" else "\n"
            sys.stderr.write(f"\r\x1b[K{bar(now, width)}{end}")
            sys.stderr.flush()

        return draw
    last = ("", 0.0)

    def tell(now: RebuildProgress) -> None:
        nonlocal last
        phase, elapsed_s = last
        if phase != now.phase or now.elapsed_s - elapsed_s >= LINE_S or now.state != "running":
            last = (now.phase, now.elapsed_s)
            sys.stderr.write(f"{bar(now, 200)}\n")
            sys.stderr.flush()

    return tell


def _conclude(ended: RebuildProgress) -> None:
    if ended.comparison is not None:
        say(compared(ended.comparison))
    if ended.state == "held":
        raise CommandError("the new read model was thrown away: it differs from the one in use")
    if ended.state == "failed":
        raise CommandError(f"this failed: {ended.problem}")
    say("caught up" if ended.kind == "catch_up" else f"rebuilt: read model {ended.model} is in use")


def compared(comparison: Comparison) -> str:
    """What a comparison came to, a table a line."""
    lines = [f"compared with the one in use, at log position {comparison.position}:"]
    for table in comparison.tables:
        told = f"  {table.table}: {table.new_rows:,} rows"
        if table.different:
            named = ", ".join(table.first_ids)
            told += f" (were {table.rows:,}), {table.different:,} DIFFER: {named}"
            told += f" ({table.expected})" if table.expected else ""
        else:
            told += f", the same ({table.digest})"
        lines.append(told)
    if comparison.different and comparison.expected:
        lines.append(f"  this was to be expected: {comparison.expected}")
    return "\n".join(lines)


def _run(options: argparse.Namespace, work: Callable[[ReadModelsPort], Awaitable[None]]) -> int:
    settings = settings_of(options)

    async def connected() -> None:
        async with _models(settings) as models:
            try:
                await work(models)
            except (Refusal, Unavailable) as problem:
                raise CommandError(str(problem)) from None

    run_loop(connected())
    return 0


@asynccontextmanager
async def _models(settings: Settings) -> AsyncIterator[ReadModelsPort]:
    """Those of `--nats-url`, else of the `firmus up` that runs on the data folder, else of the
    nats-server on this machine.
    """
    address = read_address(Path(settings.data_dir))
    found = address.nats if address is not None else LOCAL_NATS
    connection = await connect(
        access_in(os.environ, settings.nats_url or found), name="firmus readmodel"
    )
    try:
        yield RemoteSearch(connection)
    finally:
        await connection.close()
