"""Search over REST (spec 7.1).

Nothing else can lag behind the log; two headers say how far an answer reaches, and its distance.
`atLeast` makes it wait: for a position, or with `latest` for all that was answered before. A full
page says in a third header what `searchAfter` gives the next one, however deep.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from firmus.edge.hits import read_each, task_ids, workflow_ids
from firmus.edge.searching import new_enough
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, integer, text, texts
from firmus.ports import LATEST, SearchPage, SearchRequest
from firmus.security.grants import READ, within
from firmus.workflow.state import present
from firmus_contracts import ids
from firmus_contracts.bodies import invalid
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.executions import SearchResult

_SIZE = 100
_SIZE_MAX = 5000
_OR = re.compile(r"\bOR\b")


class Search:
    """Handlers of the `search` paths of workflows and tasks."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._decider = ports.decider
        self._search = ports.search
        self._views = Views(ports.definitions, ports.clock)

    async def workflows(self, req: Request, resp: Response) -> None:
        page = await self._page(req, resp, "workflows", _workflow_query(req))
        answers.json(resp, SearchResult(total_hits=page.total_hits, results=page.results))

    async def tasks(self, req: Request, resp: Response) -> None:
        page = await self._page(req, resp, "tasks", text(req, "query") or "")
        answers.json(resp, SearchResult(total_hits=page.total_hits, results=page.results))

    async def workflow_objects(self, req: Request, resp: Response) -> None:
        """The executions themselves, as the log has them, without their tasks."""
        page = await self._page(req, resp, "workflows", _workflow_query(req))
        await self._whole(resp, page, workflow_ids(page.results), self._workflow)

    async def task_objects(self, req: Request, resp: Response) -> None:
        page = await self._page(req, resp, "tasks", text(req, "query") or "")
        await self._whole(resp, page, task_ids(page.results), self._task)

    async def workflows_by_tasks(self, req: Request, resp: Response) -> None:
        """The workflows of a page of tasks, each once (spec 7.1). The total counts tasks, those of
        the page only once for each workflow.
        """
        page, found = await self._workflows_of_tasks(req, resp)
        results: list[msgspec.Raw] = []
        if found:
            query = f"workflowId IN ({','.join(found)})"
            summaries = await self._search.search(
                SearchRequest(
                    what="workflows",
                    query=query,
                    size=len(found),
                    within=within(req.principal, READ),
                )
            )
            results = summaries.results
        answers.json(resp, SearchResult(total_hits=page.total_hits, results=results))

    async def workflow_objects_by_tasks(self, req: Request, resp: Response) -> None:
        page, found = await self._workflows_of_tasks(req, resp)
        await self._whole(resp, page, found, self._workflow)

    async def _workflows_of_tasks(
        self, req: Request, resp: Response
    ) -> tuple[SearchPage, list[str]]:
        page = await self._page(req, resp, "tasks", text(req, "query") or "")
        found = list(dict.fromkeys(workflow_ids(page.results)))
        total = page.total_hits - (len(page.results) - len(found))
        return msgspec.structs.replace(page, total_hits=total), found

    async def _page(self, req: Request, resp: Response, what: str, query: str) -> SearchPage:
        start, size = integer(req, "start", 0), integer(req, "size", _SIZE)
        if size > _SIZE_MAX:
            message = f"Cannot return more than {_SIZE_MAX} {what}. Please use pagination."
            raise invalid([ValidationError(path="size", message=message, invalid_value=str(size))])
        if start < 0 or size < 0:
            raise Refusal("INVALID", "start and size must not be negative")
        after, at_least = text(req, "searchAfter") or "", _at_least(req)
        if after and start:
            raise Refusal("INVALID", "start and searchAfter exclude each other")
        asked = SearchRequest(
            what=what,
            query=query,
            free_text=text(req, "freeText") or "*",
            start=start,
            size=size,
            sort=text(req, "sort") or "",
            after=after,
            at_least=at_least,
            within=within(req.principal, READ),
        )
        page = await new_enough(self._search, asked)
        resp.set_header("firmus-search-position", str(page.position))
        resp.set_header("firmus-search-lag", str(page.lag))
        if page.next:
            resp.set_header("firmus-search-next", page.next)
        return page

    async def _whole(
        self,
        resp: Response,
        page: SearchPage,
        found: list[str],
        read: Callable[[str], Awaitable[object]],
    ) -> None:
        """Hits that have vanished since are dropped, and counted off the total."""
        whole = await read_each(found, read)
        total = page.total_hits - (len(found) - len(whole))
        answers.json(resp, {"totalHits": total, "results": whole})

    async def _workflow(self, workflow_id: str) -> Any:
        state = present(await self._decider.read(workflow_id))
        if state is None:
            return None
        return await self._views.workflow(state, include_tasks=False)

    async def _task(self, task_id: str) -> Any:
        state = present(await self._decider.read(ids.workflow_of(task_id)))
        row = None if state is None else state.tasks.get(ids.ordinal_of(task_id))
        if state is None or row is None:
            return None
        return await self._views.task(state, row)


def _at_least(req: Request) -> int:
    """`atLeast`: a position of the log, or `latest`."""
    if text(req, "atLeast") == "latest":
        return LATEST
    position = integer(req, "atLeast", 0, bits=64)
    if position < 0:
        raise Refusal("INVALID", "atLeast: a position of the log, or latest")
    return position


def _workflow_query(req: Request) -> str:
    """The query with what `classifier` and `topLevelOnly` add to it."""
    query = (text(req, "query") or "").strip()
    pieces = []
    classifiers = texts(req, "classifier")
    if classifiers:
        pieces.append(f"classifier IN ({','.join(map(_quoted, classifiers))})")
    if flag(req, "topLevelOnly", default=False):
        pieces.append('parentWorkflowId=""')
    if query:
        pieces.insert(0, f"({query})" if pieces and _OR.search(query) else query)
    return " AND ".join(pieces)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
