"""How many requests a client may make (`edge/rates`): what stands before the handlers.

A client is a key or a person where security is on, else an address.
"""

import math
from typing import Any

from firmus.edge.rates import CREDENTIAL_PROBLEMS, Buckets, too_many
from firmus.gateway.reading import Request, Response
from firmus.gateway.routes import Handler, Route, not_yet
from firmus_contracts.errors import Refusal

FREE = frozenset({"/health", "/api/health", "/metrics"})
"""What watches the server is never turned away."""


def limited(table: list[Route], buckets: Buckets) -> list[Route]:
    """The routes, each behind its client's bucket. Stands within what finds out who asks."""

    def behind(handler: Handler) -> Handler:
        async def respond(req: Request, resp: Response, **params: str) -> None:
            _take(buckets, client_of(req), resp)
            await handler(req, resp, **params)

        return respond

    return [
        route
        if route.path in FREE or route.handler is not_yet
        else route._replace(handler=behind(route.handler))
        for route in table
    ]


def without_guessing(table: list[Route], buckets: Buckets) -> list[Route]:
    """The routes, where each wrong credential is drawn from the bucket of the address. Stands
    around what finds out who asks.
    """

    def behind(handler: Handler) -> Handler:
        async def respond(req: Request, resp: Response, **params: str) -> None:
            try:
                await handler(req, resp, **params)
            except Refusal as refusal:
                if refusal.code in CREDENTIAL_PROBLEMS:
                    _take(buckets, _address(req), resp)
                raise

        return respond

    return [route._replace(handler=behind(route.handler)) for route in table]


def client_of(req: Any) -> str:
    principal = req.principal
    return f"key {principal.id}" if principal.id else _address(req)


def _address(req: Any) -> str:
    return f"address {req.remote_addr}"


def _take(buckets: Buckets, client: str, resp: Response) -> None:
    wait_s = buckets.wait_s(client)
    if wait_s:
        resp.set_header("Retry-After", str(math.ceil(wait_s)))
        raise too_many(wait_s)
