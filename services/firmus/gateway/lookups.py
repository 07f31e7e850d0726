"""Lists of workflows and tasks by what they are, over REST (spec 7.5, 8.4, 8.7)."""

from typing import Any

from firmus.edge.lookups import SIZE_MAX, Lists
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, integer, json_body, json_texts
from firmus.security.grants import READ, require
from firmus_contracts.bodies import decode_correlations
from firmus_contracts.errors import Refusal


class Lookups:
    """Handlers of the lists."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._lists = Lists(ports.decider, ports.search)
        self._views = Views(ports.definitions, ports.clock)

    async def running(self, req: Request, resp: Response, name: str) -> None:
        """Ids of open executions of a version; with both times, of all that started between."""
        version = integer(req, "version", 1)
        since, until = integer(req, "startTime", 0, bits=64), integer(req, "endTime", 0, bits=64)
        found = await self._lists.running(name, version, since_ms=since, until_ms=until)
        answers.json(resp, found)

    async def correlated(self, req: Request, resp: Response, key: str, correlation: str) -> None:
        answers.json(resp, await self._correlated(req, key, correlation))

    async def correlated_to_each(self, req: Request, resp: Response, key: str) -> None:
        wanted = await json_texts(req)
        answers.json(resp, {each: await self._correlated(req, key, each) for each in wanted})

    async def correlated_to_each_of(self, req: Request, resp: Response) -> None:
        """Of several workflows by name: the executions of each correlation id."""
        wanted = decode_correlations(await json_body(req))
        for name in wanted.workflow_names:
            require(req.principal, READ, name)
        answers.json(
            resp,
            {
                each: [
                    found
                    for name in wanted.workflow_names
                    for found in await self._correlated(req, name, each)
                ]
                for each in wanted.correlation_ids
            },
        )

    async def pending_tasks(self, req: Request, resp: Response, key: str) -> None:
        """Open tasks of a type."""
        start, count = integer(req, "start", 0), integer(req, "count", 100)
        if start < 0 or not 0 <= count <= SIZE_MAX:
            raise Refusal("INVALID", f"start must not be negative, count at most {SIZE_MAX}")
        found = await self._lists.open_tasks(key, start=start, count=count)
        answers.json(resp, [await self._views.task(state, row) for state, row in found])

    async def _correlated(self, req: Request, name: str, correlation: str) -> list[Any]:
        closed = flag(req, "includeClosed", default=False)
        include_tasks = flag(req, "includeTasks", default=False)
        return [
            await self._views.workflow(state, include_tasks=include_tasks)
            for state in await self._lists.correlated(name, correlation, closed=closed)
        ]
