"""`firmus keys`: who may do what, straight at the broker. Whoever reaches that may do anything, so
the first key is made here.
"""

import argparse
import datetime as dt
import getpass
import json
import os
from collections.abc import Awaitable, Callable

import msgspec

from firmus.broker.access import access_in
from firmus.broker.connection import connect
from firmus.broker.wire import JetStreamWire
from firmus.clock import SystemClock
from firmus.console.history import nats_url_of
from firmus.console.outcome import CommandError, remark, say
from firmus.console.system import run_loop
from firmus.ports import Unavailable
from firmus.security.aggregate import Key
from firmus.security.grants import Grant, parse_grant
from firmus.security.store import Keys, NewKey, jetstream_keys
from firmus_contracts.errors import Refusal


def create(options: argparse.Namespace) -> int:
    async def work(keys: Keys) -> None:
        _tell(await keys.create(options.name, _grants(options), actor=_actor()), options)

    return _run(options, work)


def rotate(options: argparse.Namespace) -> int:
    async def work(keys: Keys) -> None:
        made = await keys.rotate(options.id, overlap_s=options.overlap_s, actor=_actor())
        _tell(made, options)

    return _run(options, work)


def grant(options: argparse.Namespace) -> int:
    async def work(keys: Keys) -> None:
        await keys.grant(options.id, _grants(options), actor=_actor())

    return _run(options, work)


def revoke(options: argparse.Namespace) -> int:
    async def work(keys: Keys) -> None:
        await keys.revoke(options.id, actor=_actor())

    return _run(options, work)


def show(options: argparse.Namespace) -> int:
    async def work(keys: Keys) -> None:
        for key in await keys.all():
            if key.active or options.all:
                say(line(key))

    return _run(options, work)


def line(key: Key) -> str:
    """A key on one line: id, since when, name, grants, and whether it is revoked."""
    since = dt.datetime.fromtimestamp(key.created_ms / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    grants = " ".join(f"{grant.role}:{grant.names}" for grant in key.grants)
    gone = f"  revoked by {key.revoked_by or 'nobody knows'}" if key.revoked_ms else ""
    return f"{key.id}  {since}  {key.name}  {grants}{gone}"


def _run(options: argparse.Namespace, work: Callable[[Keys], Awaitable[None]]) -> int:
    run_loop(_with_keys(options, work))
    return 0


async def _with_keys(options: argparse.Namespace, work: Callable[[Keys], Awaitable[None]]) -> None:
    access = access_in(os.environ, nats_url_of(options))
    connection = await connect(access, name="firmus keys")
    try:
        wire = await JetStreamWire.open(connection)
        keys = jetstream_keys(wire=wire, servers=access, clock=SystemClock())
        try:
            await work(keys)
        finally:
            await keys.close()
    except Refusal as refused:
        raise CommandError(refused.message) from None
    except Unavailable as unavailable:
        raise CommandError(f"{unavailable} (did firmus ever run there?)") from None
    finally:
        await connection.close()


def _grants(options: argparse.Namespace) -> tuple[Grant, ...]:
    return tuple(map(parse_grant, options.role))


def _tell(made: NewKey, options: argparse.Namespace) -> None:
    if options.json:
        say(json.dumps(msgspec.to_builtins(made)))
        return
    say(f"keyId      {made.key_id}")
    say(f"keySecret  {made.key_secret}")
    remark("The secret is not kept: nobody can show it again.")


def _actor() -> str:
    try:
        return f"firmus keys/{getpass.getuser()}"
    except (KeyError, OSError):
        return "firmus keys"
