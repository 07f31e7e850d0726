"""Lists of executions by what they are (spec 7.5, 8.4).

The read model finds them and the log says how they are now. A list waits until the read model has
seen what was in the log when it was asked for, so a caller finds what it has just started.
"""

import msgspec

from firmus.edge.hits import read_each, task_ids, workflow_ids
from firmus.ports import LATEST, DeciderPort, SearchPort, SearchRequest
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts import ids
from firmus_contracts.statuses import WorkflowStatus

SIZE_MAX = 5000
_CATCH_UP_S = 1.0


class Lists:
    """Finds executions and reads them."""

    def __init__(self, decider: DeciderPort, search: SearchPort) -> None:
        self._decider = decider
        self._search = search

    async def running(
        self, name: str, version: int | None, *, since_ms: int, until_ms: int
    ) -> list[str]:
        """Ids of open executions of a version, or of all versions; with both times, of all that
        started between.
        """
        query = f"workflowType={quoted(name)}"
        if version is not None:
            query += f" AND version={version}"
        between = since_ms != 0 and until_ms != 0
        if between:
            query += f" AND startTime>={since_ms} AND startTime<={until_ms}"
        else:
            query += " AND status IN (RUNNING,PAUSED)"
        return [
            state.workflow_id
            for state in await self._workflows(query)
            if state.name == name and (between or not state.status.terminal)
        ]

    async def correlated(self, name: str, correlation: str, *, closed: bool) -> list[WorkflowState]:
        """Running ones (not paused ones), or all of them when closed ones are wanted."""
        query = f"workflowType={quoted(name)} AND correlationId={quoted(correlation)}"
        if not closed:
            query += " AND status=RUNNING"
        return [
            state
            for state in await self._workflows(query)
            if (state.name, state.correlation_id) == (name, correlation)
            and (closed or state.status is WorkflowStatus.RUNNING)
        ]

    async def open_tasks(
        self, task_type: str, *, start: int, count: int
    ) -> list[tuple[WorkflowState, TaskState]]:
        """Tasks of a type that have not ended."""
        query = f"taskType={quoted(task_type)} AND status IN (SCHEDULED,IN_PROGRESS)"
        found = await read_each(
            task_ids(await self._hits("tasks", query, start, count)), self._open_task
        )
        return [(state, row) for state, row in found if row.made.task_type == task_type]

    async def _workflows(self, query: str) -> list[WorkflowState]:
        hits = await self._hits("workflows", query, 0, SIZE_MAX)
        return await read_each(workflow_ids(hits), self._workflow)

    async def _workflow(self, workflow_id: str) -> WorkflowState | None:
        return present(await self._decider.read(workflow_id))

    async def _open_task(self, task_id: str) -> tuple[WorkflowState, TaskState] | None:
        state = present(await self._decider.read(ids.workflow_of(task_id)))
        row = None if state is None else state.tasks.get(ids.ordinal_of(task_id))
        if state is None or row is None or row.status.terminal:
            return None
        return state, row

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
