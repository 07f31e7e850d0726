"""Lists of workflows and tasks by what they are, over REST (spec 7.5, 8.4, 8.7).

The read model finds them and the log says how they are now. A list waits until the read model has
seen what was in the log when it was asked for, so a caller finds what it has just started.
"""

from typing import Any

import msgspec

from firmus.gateway import answers
from firmus.gateway.hits import read_each, task_ids, workflow_ids
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, integer, json_body, json_texts
from firmus.gateway.views import Views
from firmus.ports import LATEST, SearchRequest
from firmus.workflow.state import WorkflowState, present
from firmus_contracts import ids
from firmus_contracts.bodies import decode_correlations
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import Task
from firmus_contracts.statuses import WorkflowStatus

_SIZE = 5000
_CATCH_UP_S = 1.0


class Lookups:
    """Handlers of the lists."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._decider = ports.decider
        self._search = ports.search
        self._views = Views(ports)

    async def running(self, req: Request, resp: Response, name: str) -> None:
        """Ids of open executions of a version; with both times, of all that started between."""
        version = integer(req, "version", 1)
        since, until = integer(req, "startTime", 0, bits=64), integer(req, "endTime", 0, bits=64)
        query = f"workflowType={quoted(name)} AND version={version}"
        between = since != 0 and until != 0
        if between:
            query += f" AND startTime>={since} AND startTime<={until}"
        else:
            query += " AND status IN (RUNNING,PAUSED)"
        found = [
            state.workflow_id
            for state in await self._workflows(query)
            if state.name == name and (between or not state.status.terminal)
        ]
        answers.json(resp, found)

    async def correlated(self, req: Request, resp: Response, key: str, correlation: str) -> None:
        answers.json(resp, await self._correlated(req, key, correlation))

    async def correlated_to_each(self, req: Request, resp: Response, key: str) -> None:
        wanted = await json_texts(req)
        answers.json(resp, {each: await self._correlated(req, key, each) for each in wanted})

    async def correlated_to_each_of(self, req: Request, resp: Response) -> None:
        """Of several workflows by name: the executions of each correlation id."""
        wanted = decode_correlations(await json_body(req))
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
        if start < 0 or not 0 <= count <= _SIZE:
            raise Refusal("INVALID", f"start must not be negative, count at most {_SIZE}")
        query = f"taskType={quoted(key)} AND status IN (SCHEDULED,IN_PROGRESS)"
        hits = await self._hits("tasks", query, start, count)
        found = await read_each(task_ids(hits), self._open_task)
        answers.json(resp, [task for task in found if task.task_type == key])

    async def _correlated(self, req: Request, name: str, correlation: str) -> list[Any]:
        """Running ones (not paused ones), or all of them when closed ones are wanted."""
        closed = flag(req, "includeClosed", default=False)
        include_tasks = flag(req, "includeTasks", default=False)
        query = f"workflowType={quoted(name)} AND correlationId={quoted(correlation)}"
        if not closed:
            query += " AND status=RUNNING"
        return [
            await self._views.workflow(state, include_tasks=include_tasks)
            for state in await self._workflows(query)
            if (state.name, state.correlation_id) == (name, correlation)
            and (closed or state.status is WorkflowStatus.RUNNING)
        ]

    async def _workflows(self, query: str) -> list[WorkflowState]:
        hits = await self._hits("workflows", query, 0, _SIZE)
        return await read_each(workflow_ids(hits), self._workflow)

    async def _workflow(self, workflow_id: str) -> WorkflowState | None:
        return present(await self._decider.read(workflow_id))

    async def _open_task(self, task_id: str) -> Task | None:
        state = present(await self._decider.read(ids.workflow_of(task_id)))
        row = None if state is None else state.tasks.get(ids.ordinal_of(task_id))
        if state is None or row is None or row.status.terminal:
            return None
        return await self._views.task(state, row)

    async def _hits(self, what: str, query: str, start: int, size: int) -> list[msgspec.Raw]:
        """The first `size` hits, of a read model that has caught up as far as a second allows."""
        page = await self._search.search(
            SearchRequest(
                what=what,
                query=query,
                start=start,
                size=size,
                sort="startTime:ASC",
                at_least=LATEST,
                wait_s=_CATCH_UP_S,
            )
        )
        return page.results


def quoted(text: str) -> str:
    """A value of a query that means exactly this text, but for the stars in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
