"""The ASGI application, built from the one table of routes.

Paths are matched as Conductor matches them: a trailing slash is another path, and a fixed path
(`/workflow/search`) takes only its own methods away from the general one (`/workflow/{key}`), so
a workflow may be called `search`. A path with a GET has a HEAD too, unless its GET does something.
"""

import types
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import falcon
import falcon.asgi
from falcon.routing import CompiledRouter

from firmus.edge.rates import Buckets
from firmus.gateway.access import guarded
from firmus.gateway.express import Express
from firmus.gateway.manners import Manners
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.problems import handler
from firmus.gateway.reading import Options, Request, Response
from firmus.gateway.routes import Handler, Route, routes
from firmus.gateway.unsupported import refusals

App = falcon.asgi.App[Request, Response]

_GET_DOES = ("/api/tasks/poll/", "/api/scheduler/admin/")
"""Whose GET takes work or changes something."""


class ExactRouter(CompiledRouter):
    """Falcon's router, without its leniency for empty segments."""

    def __init__(self, exceptions: Sequence[str]) -> None:
        super().__init__()
        self._exceptions = frozenset(exceptions)

    def find(self, uri: str, req: Any = None) -> Any:
        if (uri[-1] == "/" or "//" in uri) and uri not in self._exceptions:
            return None
        return super().find(uri, req)


class Ways(NamedTuple):
    """How requests reach handlers: all of them through the application, a few past it."""

    app: App
    express: Express


def build(
    ports: GatewayPorts,
    polls: Polls,
    middleware: Sequence[Any] = (),
    manners: Manners | None = None,
) -> Ways:
    """`middleware`: Falcon's, called for every request on either way."""
    manners = manners or Manners()
    offered = routes(ports, polls)
    if ports.guard is not None or manners.rate is not None:
        buckets = None if manners.rate is None else Buckets(manners.rate)
        offered = guarded(offered, ports.guard, buckets, ports.decider)
    table = by_path(offered)
    router = ExactRouter([path for path in table if path.endswith("/")])
    packing, around = manners.packing(), [*manners.middleware(), *middleware]
    app: App = falcon.asgi.App(
        request_type=Request, router=router, middleware=[*([packing] if packing else ()), *around]
    )
    app.req_options = options = Options(manners.body_bytes_max)
    # Void answers carry no content type (spec 8), so every other answer names its own.
    app.resp_options.default_media_type = None  # type: ignore[assignment]  # read as "none"
    handle: Any = handler(ports.instance)
    app.add_error_handler(Exception, handle)
    app.add_error_handler(falcon.HTTPError, handle)
    for path, handlers in table.items():
        if "GET" in handlers and not path.startswith(_GET_DOES):
            handlers.setdefault("HEAD", handlers["GET"])
        responders = {f"on_{method.lower()}": each for method, each in handlers.items()}
        app.add_route(path, types.SimpleNamespace(**responders))
    for pattern, refuse in refusals():
        app.add_sink(refuse, pattern)
    express = Express(offered, handle, options=options, middleware=around, packing=packing)
    return Ways(app, express)


def by_path(table: Sequence[Route]) -> dict[str, dict[str, Handler]]:
    """The handlers of each path by method, those of the general paths that cover it included.

    Raises ValueError when a method of a path stands in the table twice.
    """
    paths: defaultdict[str, dict[str, Handler]] = defaultdict(dict)
    for route in table:
        if route.method in paths[route.path]:
            raise ValueError(f"{route.method} {route.path} is in the table twice")
        paths[route.path][route.method] = route.handler
    given = {path: dict(handlers) for path, handlers in paths.items()}
    for path, handlers in paths.items():
        for general, others in given.items():
            bound = covered(general, path)
            if bound is None:
                continue
            for method, each in others.items():
                handlers.setdefault(method, _with(each, bound))
    return dict(paths)


def covered(general: str, path: str) -> Mapping[str, str] | None:
    """What the parameters of a general path are for a path it covers; None when it does not.

    The two agree but for segments that are a parameter in the one and a fixed text in the other.
    """
    ours, theirs = general.split("/"), path.split("/")
    if general == path or len(ours) != len(theirs):
        return None
    bound: dict[str, str] = {}
    for mine, other in zip(ours, theirs, strict=True):
        if mine == other:
            continue
        if not mine.startswith("{") or other.startswith("{") or not other:
            return None
        bound[mine[1:-1]] = other
    return bound


def _with(each: Handler, bound: Mapping[str, str]) -> Handler:
    async def responder(req: Request, resp: Response, **params: str) -> None:
        await each(req, resp, **bound, **params)

    return responder
