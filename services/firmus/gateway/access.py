"""Handlers behind their rules. Without security nothing of this is on the way of a request."""

from firmus.edge.permits import require_task, require_workflow
from firmus.gateway.reading import Request, Response
from firmus.gateway.routes import Handler, Route, not_yet
from firmus.gateway.rules import Rule, rule_of
from firmus.ports import DeciderPort
from firmus.security.grants import require, require_everywhere
from firmus.security.guard import Guard, unauthenticated
from firmus_contracts.errors import Refusal


def guarded(routes: list[Route], guard: Guard, decider: DeciderPort) -> list[Route]:
    """The same routes, each behind its rule."""
    return [
        route._replace(handler=_behind(rule_of(route.method, route.path), route, guard, decider))
        for route in routes
    ]


def _behind(rule: Rule, route: Route, guard: Guard, decider: DeciderPort) -> Handler:
    handler, of, role, parameter = route.handler, rule.of, rule.role, rule.parameter
    if of == "open" or handler is not_yet:
        return handler

    async def responder(req: Request, resp: Response, **parameters: str) -> None:
        credential = req.get_header("X-Authorization") or req.get_header("Authorization")
        if not credential:
            guard.refusals.note("UNAUTHENTICATED", "")
            raise unauthenticated()
        by = guard.known(credential) or await guard.authenticate(credential)
        req.principal = by
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
            await handler(req, resp, **parameters)
        except Refusal as refused:
            guard.refusals.note(refused.code, by.name)
            raise

    return responder
