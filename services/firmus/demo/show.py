"""`firmus demo`: runs orders through the example workflow and shows what is there afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from firmus.console.audit import rows_of, table
from firmus.console.outcome import CommandError, say
from firmus.console.rest import RestClient
from firmus.demo.orders import DEFINITION, TASK_DEFS, TASKS, WORKFLOW, order
from firmus.embedded.datadir import Address
from firmus.embedded.lifetime import stop_requests
from firmus.embedded.up import running
from firmus.settings import Settings
from firmus.worker import Client, Worker, Workflow
from firmus_contracts.statuses import WorkflowStatus

WITHIN_S = 60.0


async def show(settings: Settings, *, orders: int, stay: bool) -> None:
    """Raises CommandError when not all orders completed in a minute."""
    with stop_requests() as stop:
        say("starting firmus: a nats-server and all services, on this machine only …")
        async with running(settings, stop=stop) as (address, directory):
            say(f"up: REST {address.rest}/api, NATS {address.nats}, data in {directory.path}\n")
            await asyncio.to_thread(_register, address)
            worker = Worker(address.nats, TASKS)
            working = asyncio.create_task(worker.run())
            try:
                async with Client(address.nats) as client:
                    ended = await _run_orders(client, orders, working)
                    await _tell_history(client, ended)
            finally:
                worker.stop()
                await working
            _tell_where(address, ended[-1])
            if stay:
                say("\nstill running; Ctrl-C stops it")
                await stop.wait()
            else:
                say("\nnow it stops; `firmus demo --stay` keeps it running")


def _register(address: Address) -> None:
    rest = RestClient(address.rest)
    rest.register_tasks(TASK_DEFS)
    rest.register_workflow(DEFINITION)


async def _run_orders(client: Client, orders: int, working: asyncio.Task[None]) -> list[Workflow]:
    """All orders at once; a line for each as it ends, then what they came to. In their order."""
    began = time.perf_counter()
    pending = [asyncio.create_task(_one_order(client, number)) for number in range(1, orders + 1)]
    ended: list[Workflow] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            for next_end in asyncio.as_completed(pending):
                ended.append(await next_end)
                say(_line(ended[-1], len(ended), orders))
    except TimeoutError:
        raise CommandError(f"{orders - len(ended)} orders did not end in a minute") from None
    finally:
        for task in pending:
            task.cancel()
        if working.done():
            working.result()
    _tell_summary(ended, time.perf_counter() - began)
    return sorted(ended, key=_number)


async def _one_order(client: Client, number: int) -> Workflow:
    workflow_id = await client.start(WORKFLOW, order(number), correlation_id=f"order-{number}")
    return await client.wait(workflow_id)


def _number(workflow: Workflow) -> int:
    return int(workflow.input["order"]["number"])


def _line(workflow: Workflow, count: int, orders: int) -> str:
    tries = 1 + workflow.task("charge_card").retry_count
    card = "" if tries == 1 else f", card charged at try {tries}"
    took_ms = workflow.end_ms - workflow.start_ms
    number = _number(workflow)
    return f"  {count:>3}/{orders}  order {number:<3} {workflow.status} in {took_ms} ms{card}"


def _tell_summary(ended: Sequence[Workflow], took_s: float) -> None:
    statuses = Counter(workflow.status for workflow in ended)
    attempts = sum(len(workflow.tasks) for workflow in ended)
    retries = sum(row.retry_count > 0 for workflow in ended for row in workflow.tasks)
    said = ", ".join(f"{count} {status}" for status, count in statuses.items())
    say(f"\n{said} in {took_s:.2f} s: {attempts} task attempts, {retries} of them retries")
    if statuses[WorkflowStatus.COMPLETED] != len(ended):
        raise CommandError("not every order completed")


async def _tell_history(client: Client, ended: Sequence[Workflow]) -> None:
    """The log of an order whose card was charged in vain at first; of the last one without any."""
    retried = [workflow for workflow in ended if workflow.task("charge_card").retry_count]
    shown = (retried or ended)[-1]
    say(f"\nWhat happened to order {_number(shown)}, read back from the log:\n")
    for line in table(rows_of(await client.history(shown.workflow_id))):
        say(f"  {line}")


def _tell_where(address: Address, workflow: Workflow) -> None:
    rest, nats, found = address.rest, address.nats, workflow.workflow_id
    say("\nWhere to look while it runs:")
    say(f"  one order      {rest}/api/workflow/{found}")
    say(f"  all orders     {rest}/api/workflow/search?query=workflowType%3D{WORKFLOW}")
    say(f"  history        firmus log {found} --nats-url {nats}")
    say(f"  events         firmus tail 'workflow.*.{WORKFLOW}.>' --nats-url {nats}")
    say(f"  NATS subjects  workflow.<transition>.{WORKFLOW}.<id>   (stream EVENTS)")
    say(f"                 task.<transition>.{WORKFLOW}.<id>.<ref>")
    say(f"  start by NATS  publish JSON to firmus.start.{WORKFLOW}")
