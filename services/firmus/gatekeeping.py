"""How a process that lets requests in comes to its guard."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from firmus.node import Node
from firmus.security.guard import Guard, configured_key
from firmus.security.store import jetstream_keys
from firmus.settings import read_security
from firmus_contracts.subjects import KEYS_SUBJECTS


@contextlib.asynccontextmanager
async def gatekeeper(node: Node) -> AsyncIterator[Guard | None]:
    """The guard that all entrances of a process share, with all keys known; None while security is
    off. Raises Unavailable.
    """
    if not node.settings.security:
        yield None
        return
    given = read_security(os.environ)
    keys = jetstream_keys(wire=node.wire, servers=node.access, clock=node.clock)
    guard = Guard(
        keys,
        node.clock,
        configured=None if given.admin_key is None else configured_key(given.admin_key),
        token_ttl_s=given.token_ttl_s,
    )
    watch = await node.connection.open_lane(KEYS_SUBJECTS, lambda *_: keys.wake())
    keeping = asyncio.create_task(keys.keep_fresh())
    try:
        await keys.fresh()
        yield guard
    finally:
        keeping.cancel()
        await node.connection.close_lane(watch)
        await keys.close()
