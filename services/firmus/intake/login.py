"""Who the intake's own connection is on NATS, in FastStream's words."""

from typing import Any

from faststream.nats import NatsSecurity
from faststream.nats.security import (
    NatsCredentials,
    NatsNKey,
    NatsToken,
    NatsUserPassword,
)

from firmus.broker.access import Access


def login(access: Access) -> dict[str, Any]:
    """Arguments of a FastStream broker. Raises AccessError."""
    options = access.options()
    context = options.get("tls")
    security: NatsSecurity | None = None
    if access.creds:
        security = NatsCredentials(access.creds, ssl_context=context)
    elif access.nkey:
        security = NatsNKey(access.nkey, ssl_context=context)
    elif access.token:
        security = NatsToken(access.token, ssl_context=context)
    elif access.user:
        security = NatsUserPassword(access.user, access.password or "", ssl_context=context)
    elif context is not None:
        security = NatsSecurity(ssl_context=context)
    return {
        "servers": access.servers,
        "security": security,
        "inbox_prefix": options["inbox_prefix"],
    }
