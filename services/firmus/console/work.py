"""`firmus worker` and `firmus bench`."""

import argparse
import asyncio
import importlib
import os
import sys

from firmus.broker.access import access_in
from firmus.console.outcome import CommandError
from firmus.console.system import LOCAL_NATS, run_loop
from firmus.embedded.lifetime import stop_requests
from firmus.telemetry import set_up_logging
from firmus.worker.tasks import tasks_in
from firmus.worker.worker import Worker


def worker(options: argparse.Namespace) -> int:
    set_up_logging()
    run_loop(_until_stopped(_worker(options)))
    return 0


def bench(options: argparse.Namespace) -> int:
    """The benchmark's own `main`, given its own arguments."""
    run = getattr(importlib.import_module("firmus.bench"), "main", None)
    if not callable(run):
        raise CommandError("this build comes without the benchmark")
    return int(run(options.rest) or 0)


def _worker(options: argparse.Namespace) -> Worker:
    found = _found(options.what)
    if isinstance(found, Worker):
        return found
    tasks = tasks_in(found)
    if not tasks:
        raise CommandError(f"{options.what} holds no function decorated with @task", exit_code=2)
    return Worker(
        access_in(os.environ, options.nats_url or os.environ.get("FIRMUS_NATS_URL") or LOCAL_NATS),
        tasks,
        concurrency=options.concurrency,
        domain=options.domain,
    )


def _found(what: str) -> object:
    """What `module[:attr]` names; modules of the folder we are in count."""
    module_name, _, attribute = what.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise CommandError(f"there is no module {module_name}", exit_code=2) from None
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise CommandError(f"{module_name} has no {attribute}", exit_code=2) from None


async def _until_stopped(worker: Worker) -> None:
    """A first stop request ends the worker gracefully."""
    with stop_requests() as stop:
        running = asyncio.create_task(worker.run())
        told = asyncio.create_task(stop.wait())
        await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        worker.stop()
        await running
