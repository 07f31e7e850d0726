"""`firmus log` and `firmus tail`, straight from the broker."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.msg import Msg

from firmus.broker.access import access_in
from firmus.broker.connection import connect
from firmus.broker.rejections import JetStreamRejections
from firmus.broker.wire import JetStreamWire
from firmus.console.audit import refusal_row, rows_of, table
from firmus.console.hiding import definitions_of, is_event, without_masked
from firmus.console.outcome import CommandError, remark, say
from firmus.console.rest import RestClient
from firmus.console.system import LOCAL_NATS, run_loop
from firmus.embedded.datadir import read_address
from firmus.embedded.lifetime import stop_requests
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.eventlog.port import BlobStore
from firmus.worker.layout import read_layout
from firmus.workflow.masking import EVERYTHING, NOTHING
from firmus_contracts import subjects
from firmus_contracts.definitions import WORKFLOW_DEF_DECODER
from firmus_contracts.envelope import Record
from firmus_contracts.ids import is_workflow_id


def log(options: argparse.Namespace) -> int:
    if not is_workflow_id(options.id):
        raise CommandError(f"{options.id} is not the id of a workflow", exit_code=2)
    run_loop(_log(options))
    return 0


def tail(options: argparse.Namespace) -> int:
    for subject in () if options.unmask else options.subject:
        if not is_event(subject) and subject[0] not in "*>":
            raise CommandError(
                f"{subject} is no subject of public events: these begin with workflow. or task. "
                "(--unmask shows others, with masked fields)",
                exit_code=2,
            )
    run_loop(_tail(options))
    return 0


def nats_url_of(options: argparse.Namespace) -> str:
    """Where NATS is: as given, as the folder of an `up` says, as the server says, else usual."""
    if options.nats_url:
        return str(options.nats_url)
    noted = read_address(Path(options.data_dir or "firmus-data"))
    if noted is not None and (options.data_dir or noted.rest == RestClient(options.url).url):
        return noted.nats
    try:
        told = RestClient(options.url).health().get("nats")
    except CommandError:
        told = None
    if told:
        return str(told)
    return LOCAL_NATS if noted is None else noted.nats


async def _log(options: argparse.Namespace) -> None:
    connection = await connect(access_in(os.environ, nats_url_of(options)), name="firmus log")
    try:
        wire = await JetStreamWire.open(connection)
        layout = await read_layout(wire)
        blobs = JetStreamBlobs(wire)
        records = await JetStreamLog(wire, blobs, shards=layout.shards).read(options.id)
        if not options.unmask:
            records = without_masked(records, await _masked_fields(records, blobs))
        refused = await JetStreamRejections(wire).of(options.id)
    finally:
        await connection.close()
    if not records and not refused:
        raise CommandError(f"there is no workflow {options.id}")
    if options.json:
        for record in records:
            say(msgspec.json.encode(_as_json(record)).decode())
    else:
        rows = [*rows_of(records), *map(refusal_row, refused)]
        rows.sort(key=lambda row: row.time_ms)
        for line in table(rows):
            say(line)


async def _masked_fields(records: Sequence[Record], blobs: BlobStore) -> frozenset[str]:
    """The masked fields of all definitions that a workflow ran; everything when one is lost."""
    names = NOTHING
    for sha256 in definitions_of(records):
        try:
            names |= frozenset(WORKFLOW_DEF_DECODER.decode(await blobs.get(sha256)).masked_fields)
        except (KeyError, ValueError):
            return EVERYTHING
    return names


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "position": record.position,
        "digest": record.digest,
        "commit": msgspec.to_builtins(record.body),
    }


async def _tail(options: argparse.Namespace) -> None:
    access = access_in(os.environ, nats_url_of(options))
    connection = await connect(access, name="firmus tail")
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    try:
        for subject in options.subject or subjects.EVENTS_SUBJECTS:
            await connection.subscribe(subject, cb=arrived.put)
        await connection.flush()
        remark(f"listening on {access.shown()}; Ctrl-C ends it")
        with stop_requests() as stop:
            printing = asyncio.create_task(_print(arrived, options))
            told = asyncio.create_task(stop.wait())
            await asyncio.wait((printing, told), return_when=asyncio.FIRST_COMPLETED)
            for task in (printing, told):
                task.cancel()
    finally:
        await connection.close()
    if printing.done() and not printing.cancelled():
        printing.result()


async def _print(arrived: asyncio.Queue[Msg], options: argparse.Namespace) -> None:
    left = options.count
    while left is None or left > 0:
        message = await arrived.get()
        if not (options.unmask or is_event(message.subject)):
            continue
        say(event_line(message, whole=options.json))
        left = None if left is None else left - 1


def event_line(message: Msg, *, whole: bool) -> str:
    """A public event on one line: its time and subject, or all of it as JSON."""
    headers = message.headers or {}
    body = msgspec.Raw(message.data)
    if whole:
        event = {"subject": message.subject, "headers": headers, "data": body}
        return msgspec.json.encode(event).decode()
    return f"{headers.get('ce-time', ''):<24} {message.subject} {message.data.decode()}".strip()
