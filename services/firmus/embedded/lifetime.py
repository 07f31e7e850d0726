"""How long a process of ours lives: until it is told to stop, or its work ends by itself."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_requests(*, stdin_end: bool = False) -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; with `stdin_end` the end of standard input too."""
    loop = asyncio.get_running_loop()
    requested = asyncio.Event()
    restore = []
    for number in STOP_SIGNALS:
        try:
            loop.add_signal_handler(number, requested.set)
        except NotImplementedError:  # Windows
            before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(requested.set))
            restore.append((number, before))
    if stdin_end:
        loop.add_reader(sys.stdin.fileno(), _on_stdin, requested)
    try:
        yield requested
    finally:
        if stdin_end:
            loop.remove_reader(sys.stdin.fileno())
        for number in STOP_SIGNALS:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
        for number, before in restore:
            signal.signal(number, before)


async def until_told(work: Coroutine[Any, Any, None], *, stdin_end: bool = False) -> None:
    """Runs `work` until it ends, or cancels it when a stop is requested, and waits for its end."""
    with stop_requests(stdin_end=stdin_end) as requested:
        running = asyncio.create_task(work)
        told = asyncio.create_task(requested.wait())
        await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _on_stdin(requested: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        requested.set()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
