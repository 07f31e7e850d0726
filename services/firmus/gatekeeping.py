"""How a process that lets requests in comes to its guard."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from firmus.node import Node
from firmus.ports import Clock
from firmus.security.claims import Expected
from firmus.security.guard import Guard, configured_key
from firmus.security.store import jetstream_keys
from firmus.settings import SecuritySettings, read_security
from firmus_contracts.subjects import KEYS_SUBJECTS

_log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from firmus.security.oidc import Issuer


@contextlib.asynccontextmanager
async def gatekeeper(node: Node) -> AsyncIterator[Guard | None]:
    """The guard that all entrances of a process share, with all keys known; None while security is
    off. Raises Unavailable.
    """
    if not node.settings.security:
        yield None
        return
    given = read_security(os.environ)
    issuer = _issuer(given, node.clock)
    keys = jetstream_keys(wire=node.wire, servers=node.access, clock=node.clock)
    guard = Guard(
        keys,
        node.clock,
        configured=None if given.admin_key is None else configured_key(given.admin_key),
        issuer=issuer,
        token_ttl_s=given.token_ttl_s,
    )
    node.metrics.counter(
        "not_let_in", lambda: guard.refusals.counts, "Requests refused by what was wrong."
    )
    watch = await node.connection.open_lane(KEYS_SUBJECTS, lambda *_: keys.wake())
    try:
        nobody = not any(key.active for key in await keys.all())
        if nobody and given.admin_key is None and issuer is None:
            _log.warning("nobody_may_do_anything", help="firmus keys create NAME --role admin")
        # Should it end, so does this process: one that hears of no revocation lets nobody in.
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(keys.keep_fresh())
            try:
                yield guard
            finally:
                keeping.cancel()
    finally:
        await node.connection.close_lane(watch)
        await keys.close()
        if issuer is not None:
            await issuer.close()


def _issuer(given: SecuritySettings, clock: Clock) -> "Issuer | None":
    if given.oidc_issuer is None or given.oidc_audience is None:
        return None
    from firmus.security.oidc import Issuer  # noqa: PLC0415 - it needs an extra

    expected = Expected(
        issuer=given.oidc_issuer,
        audience=given.oidc_audience,
        roles_claim=given.oidc_roles_claim,
        name_claim=given.oidc_name_claim,
    )
    return Issuer(expected, clock)
