"""Schedules over REST, and what became of their runs (spec 8.8)."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from firmus.edge.permits import require_start
from firmus.edge.registration import Registration
from firmus.gateway import answers
from firmus.gateway.bulk import collect
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    actor_of,
    flag,
    integer,
    json_body,
    json_texts,
    may_read,
    required,
    text,
    whole_number,
)
from firmus.ports import SchedulesPort
from firmus.security.grants import EXECUTE, READ, Role, allows_everywhere, require
from firmus_contracts.bodies import decode_schedule, decode_tags, invalid
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.requests import WorkflowSchedule

_SIZE = 100
_PREVIEW_MAX = 5
_NAMES_MAX = 1000
_SAMPLE = 10
_WARNING = "firmus-warning"
_NOT_IN_HEADERS = re.compile(r"[^ -~]")


class Scheduler:
    """Handlers of `/api/scheduler`."""

    def __init__(self, ports: GatewayPorts, registration: Registration) -> None:
        self._given = ports.schedules
        self._clock = ports.clock
        self._registration = registration

    @property
    def _schedules(self) -> SchedulesPort:
        if self._given is None:
            raise Refusal("NOT_IMPLEMENTED", "This server keeps no schedules")
        return self._given

    async def save(self, req: Request, resp: Response) -> None:
        """An expression that cannot be read is taken and never runs, as in Conductor; a header of
        the answer says so.
        """
        schedule = decode_schedule(await json_body(req))
        request = schedule.start_workflow_request
        if request is not None:
            require_start(req.principal, request)
        await self._permit(req, EXECUTE, schedule.name)
        if request is not None and request.workflow_def is not None:
            await self._registration.workflow(request.workflow_def)
        saved = await self._schedules.save(schedule, actor=actor_of(req))
        troubles = self._schedules.troubles(saved)
        if troubles:
            told = "; ".join(f"never runs: {problem}" for problem in troubles)
            resp.set_header(_WARNING, _NOT_IN_HEADERS.sub("?", told))
        answers.json(resp, saved)

    async def get(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, READ, key)
        found = await self._schedules.schedule(key)
        if found is None:
            raise Refusal("NOT_FOUND", f"Schedule '{key}' not found")
        answers.json(resp, found)

    async def delete(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, EXECUTE, key)
        await self._schedules.delete(key, actor=actor_of(req))
        answers.empty(resp)

    async def all(self, req: Request, resp: Response) -> None:
        found = await self._schedules.schedules(text(req, "workflowName") or None)
        answers.json(resp, _shown(req, found))

    async def search(self, req: Request, resp: Response) -> None:
        """Always by name, whatever `sort` and `freeText` say (spec 8.8)."""
        paused = flag(req, "paused", default=False) if text(req, "paused") else None
        found = await self._schedules.search(
            workflow_name=text(req, "workflowName") or None,
            schedule_name=text(req, "scheduleName"),
            paused=paused,
        )
        found = _shown(req, found)
        answers.json(resp, {"totalHits": len(found), "results": _page(req, found)})

    async def executions(self, req: Request, resp: Response) -> None:
        runs = await self._schedules.executions(text(req, "query") or "", text(req, "sort") or "")
        found = [run for run in runs if may_read(req, str(getattr(run, "workflow_name", "")))]
        answers.json(resp, {"totalHits": len(found), "results": _page(req, found)})

    async def pause(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, EXECUTE, key)
        await self._schedules.pause(key, text(req, "reason"), actor=actor_of(req))
        answers.empty(resp)

    async def resume(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, EXECUTE, key)
        await self._schedules.resume(key, actor=actor_of(req))
        answers.empty(resp)

    async def pause_each(self, req: Request, resp: Response) -> None:
        async def act(name: str) -> None:
            await self._permit(req, EXECUTE, name)
            await self._schedules.pause(name, None, actor=actor_of(req))

        await self._each(req, resp, "pauseSchedules", act)

    async def resume_each(self, req: Request, resp: Response) -> None:
        async def act(name: str) -> None:
            await self._permit(req, EXECUTE, name)
            await self._schedules.resume(name, actor=actor_of(req))

        await self._each(req, resp, "resumeSchedules", act)

    async def next_few(self, req: Request, resp: Response) -> None:
        """At most five times, in UTC, none of them past."""
        cron = required(req, "cronExpression")
        start_ms, end_ms = _time(req, "scheduleStartTime"), _time(req, "scheduleEndTime")
        found = self._schedules.preview(
            cron,
            start_ms=max(start_ms or 0, self._clock.now_ms() + 1),
            end_ms=end_ms,
            limit=min(integer(req, "limit", _PREVIEW_MAX), _PREVIEW_MAX),
        )
        answers.json(resp, found)

    async def pause_all(self, req: Request, resp: Response) -> None:
        await self._schedules.pause_all(actor=actor_of(req))
        answers.json(resp, {"status": "done"})

    async def resume_all(self, req: Request, resp: Response) -> None:
        await self._schedules.resume_all(actor=actor_of(req))
        answers.json(resp, {"status": "done"})

    async def requeue(self, _req: Request, resp: Response) -> None:
        """What has not ended yet. It is in no queue that could lose it, so nothing is put back."""
        pending = await self._schedules.pending()
        answers.json(resp, {"sampleIds": pending[:_SAMPLE], "recordIds.size": len(pending)})

    async def tags(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, READ, key)
        found = await self._schedules.schedule(key)
        if found is None:
            raise Refusal("NOT_FOUND", f"Schedule '{key}' not found")
        answers.json(resp, found.tags or [])

    async def add_tags(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, EXECUTE, key)
        await self._schedules.add_tags(key, decode_tags(await json_body(req)), actor=actor_of(req))
        answers.empty(resp)

    async def remove_tags(self, req: Request, resp: Response, key: str) -> None:
        await self._permit(req, EXECUTE, key)
        await self._schedules.remove_tags(
            key, decode_tags(await json_body(req)), actor=actor_of(req)
        )
        answers.empty(resp)

    async def _permit(self, req: Request, role: Role, name: str) -> None:
        """A schedule is its workflow's. One that is not there is for nobody to refuse."""
        if allows_everywhere(req.principal, role):
            return
        found = await self._schedules.schedule(name)
        if found is not None:
            require(req.principal, role, _workflow_of(found))

    async def _each(
        self, req: Request, resp: Response, what: str, act: Callable[[str], Awaitable[None]]
    ) -> None:
        async def one(name: str) -> str:
            await act(name)
            return name

        answers.json(resp, await collect(_some(await json_texts(req), what), one))


def _workflow_of(schedule: WorkflowSchedule) -> str:
    request = schedule.start_workflow_request
    return "" if request is None else request.name


def _shown(req: Request, found: list[WorkflowSchedule]) -> list[WorkflowSchedule]:
    return [schedule for schedule in found if may_read(req, _workflow_of(schedule))]


def _some(names: list[str], what: str) -> list[str]:
    """Between 1 and 1000 names."""
    if names and len(names) <= _NAMES_MAX:
        return names
    message = (
        f"Cannot process more than {_NAMES_MAX} schedules. Please use multiple requests."
        if names
        else "Schedule names list cannot be null."
    )
    raise invalid([ValidationError(path=f"{what}.arg0", message=message)])


def _time(req: Request, name: str) -> int | None:
    """Epoch milliseconds; an empty parameter is none."""
    given = text(req, name)
    return whole_number(name, given, bits=64) if given else None


def _page(req: Request, found: Sequence[Any]) -> list[Any]:
    """A negative start is the beginning, a negative size means all of them."""
    start, size = max(integer(req, "start", 0), 0), integer(req, "size", _SIZE)
    return list(found[start:] if size < 0 else found[start : start + size])
