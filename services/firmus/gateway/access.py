"""Handlers behind their rules and their clients' limits. Without either nothing of this is on the
way of a request.
"""

from firmus.edge.entrance import Entrance
from firmus.edge.permits import require_task, require_workflow
from firmus.edge.rates import Buckets
from firmus.gateway.payloads import path_of, scope_of
from firmus.gateway.reading import Request, Response, text
from firmus.gateway.routes import Handler, Route, not_yet
from firmus.gateway.rules import Rule, rule_of
from firmus.ports import DeciderPort
from firmus.security.grants import require, require_everywhere, require_somewhere
from firmus.security.guard import Guard
from firmus_contracts.errors import Refusal

FREE = frozenset({"/health", "/api/health", "/metrics"})
"""What watches the server may ask as often as it likes; who guesses there is counted."""


def guarded(
    routes: list[Route], guard: Guard | None, buckets: Buckets | None, decider: DeciderPort
) -> list[Route]:
    """The same routes, each behind its rule if there is a guard, and behind its client's bucket."""
    entrance = Entrance(guard, buckets)
    return [
        route._replace(
            handler=_open(route, entrance)
            if guard is None or rule.of == "open"
            else _behind(rule, route, entrance, decider)
        )
        for route in routes
        for rule in [rule_of(route.method, route.path)]
    ]


def _open(route: Route, entrance: Entrance) -> Handler:
    handler = route.handler
    if route.path in FREE or handler is not_yet:
        return handler

    async def responder(req: Request, resp: Response, **parameters: str) -> None:
        entrance.count(req.remote_addr)
        await handler(req, resp, **parameters)

    return responder


def _behind(rule: Rule, route: Route, entrance: Entrance, decider: DeciderPort) -> Handler:
    handler, of, role, parameter = route.handler, rule.of, rule.role, rule.parameter
    counts = route.path not in FREE
    if handler is not_yet:
        return handler

    async def responder(req: Request, resp: Response, **parameters: str) -> None:
        given = text(req, "ticket") if rule.ticket else None
        ticket = (given, scope_of(route.method, path_of(parameters))) if given else None
        req.principal = by = await entrance.admit(
            req.get_header, req.remote_addr, counts=counts, ticket=ticket
        )
        try:
            match of:
                case "name":
                    require(by, role, parameters[parameter])
                case "workflow":
                    await require_workflow(by, role, decider, parameters[parameter])
                case "task":
                    await require_task(by, role, decider, parameters[parameter])
                case "server":
                    require_everywhere(by, role)
                case "some":
                    require_somewhere(by, role)
            await handler(req, resp, **parameters)
        except Refusal as refused:
            entrance.turned_away(by, refused)
            raise

    return responder
