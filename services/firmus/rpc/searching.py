"""Searches over gRPC, of workflows and of tasks (spec 7)."""

import msgspec

from firmus.edge.hits import read_each, task_ids, workflow_ids
from firmus.edge.searching import new_enough
from firmus.edge.views import Views
from firmus.ports import LATEST, SearchPage, SearchRequest
from firmus.rpc.calls import Call
from firmus.rpc.messages import search_pb2
from firmus.rpc.ports import RpcPorts
from firmus.security.grants import READ, within
from firmus.workflow.state import present
from firmus_contracts import ids
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import Task, Workflow

SIZE_MAX = 5000
AT_LEAST = "firmus-search-at-least"
AFTER = "firmus-search-after"
_TOLD = "firmus-search"
_POSITION_DIGITS_MAX = 18


class Searches:
    """Pages of summaries from the read model, or of what the log says of them now."""

    def __init__(self, ports: RpcPorts) -> None:
        self._decider = ports.decider
        self._search = ports.search
        self._views = Views(ports.definitions, ports.clock)

    async def page(self, what: str, request: search_pb2.Request, call: Call) -> SearchPage:
        """Without a size as many as there may be, as in Conductor. How new it has to be, and behind
        which hit it begins, stand in the metadata of the call; how new it is, in those of the
        answer.
        """
        if request.size > SIZE_MAX:
            raise Refusal("INVALID", f"Cannot return more than {SIZE_MAX} results")
        if request.start < 0 or request.size < 0:
            raise Refusal("INVALID", "start and size must not be negative")
        after = call.header(AFTER) or ""
        if after and request.start:
            raise Refusal("INVALID", f"start and {AFTER} exclude each other")
        asked = SearchRequest(
            what=what,
            query=request.query,
            free_text=request.free_text or "*",
            start=request.start,
            size=request.size or SIZE_MAX,
            sort=request.sort,
            after=after,
            at_least=_at_least(call.header(AT_LEAST)),
            within=within(call.by, READ),
        )
        page = await new_enough(self._search, asked)
        call.tell(f"{_TOLD}-position", str(page.position))
        call.tell(f"{_TOLD}-lag", str(page.lag))
        if page.next:
            call.tell(f"{_TOLD}-next", page.next)
        return page

    async def summaries_by_tasks(
        self, request: search_pb2.Request, call: Call
    ) -> tuple[int, list[msgspec.Raw]]:
        """The workflows of a page of tasks, each once (spec 7.1). The total counts tasks, those of
        the page only once for each workflow.
        """
        page, found = await self._workflows_of_tasks(request, call)
        if not found:
            return page.total_hits, []
        query = f"workflowId IN ({','.join(found)})"
        asked = SearchRequest(
            what="workflows", query=query, size=len(found), within=within(call.by, READ)
        )
        return page.total_hits, (await self._search.search(asked)).results

    async def workflows(
        self, request: search_pb2.Request, call: Call
    ) -> tuple[int, list[Workflow]]:
        page = await self.page("workflows", request, call)
        return await self._whole(page, workflow_ids(page.results))

    async def workflows_by_tasks(
        self, request: search_pb2.Request, call: Call
    ) -> tuple[int, list[Workflow]]:
        return await self._whole(*await self._workflows_of_tasks(request, call))

    async def _workflows_of_tasks(
        self, request: search_pb2.Request, call: Call
    ) -> tuple[SearchPage, list[str]]:
        page = await self.page("tasks", request, call)
        found = list(dict.fromkeys(workflow_ids(page.results)))
        total = page.total_hits - (len(page.results) - len(found))
        return msgspec.structs.replace(page, total_hits=total), found

    async def tasks(self, request: search_pb2.Request, call: Call) -> tuple[int, list[Task]]:
        page = await self.page("tasks", request, call)
        found = task_ids(page.results)
        tasks = await read_each(found, self._task)
        return page.total_hits - (len(found) - len(tasks)), tasks

    async def _whole(self, page: SearchPage, found: list[str]) -> tuple[int, list[Workflow]]:
        """Hits that have vanished since are dropped, and counted off the total."""
        workflows = await read_each(found, self._workflow)
        return page.total_hits - (len(found) - len(workflows)), workflows

    async def _workflow(self, workflow_id: str) -> Workflow | None:
        state = present(await self._decider.read(workflow_id))
        return None if state is None else await self._views.workflow(state, include_tasks=False)

    async def _task(self, task_id: str) -> Task | None:
        state = present(await self._decider.read(ids.workflow_of(task_id)))
        row = None if state is None else state.tasks.get(ids.ordinal_of(task_id))
        if state is None or row is None:
            return None
        return await self._views.task(state, row)


def _at_least(given: str | None) -> int:
    """A position of the log, or `latest`."""
    if not given:
        return 0
    if given == "latest":
        return LATEST
    if not given.isascii() or not given.isdigit() or len(given) > _POSITION_DIGITS_MAX:
        raise Refusal("INVALID", f"{AT_LEAST}: a position of the log, or latest")
    return int(given)
