"""Operations on many workflows at once: each succeeds or fails by itself (spec 5.10, 8.6)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from firmus.edge.again import run_again
from firmus.edge.asking import known_form, state_of, submit
from firmus.edge.permits import require_workflow
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, json_texts, text
from firmus.ports import Unavailable
from firmus.security.grants import ADMIN, EXECUTE, READ, Role
from firmus_contracts.bodies import invalid
from firmus_contracts.commands import (
    Command,
    PauseWorkflow,
    RemoveWorkflow,
    RestartWorkflow,
    ResumeWorkflow,
    RetryWorkflow,
    TerminateWorkflow,
)
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.executions import BulkResponse

_IDS_MAX = 1000

_T = TypeVar("_T")

Make = Callable[[dict[str, Any]], Command]
"""A command from the fields that all commands share."""


class Bulk:
    """Handlers of `/api/workflow/bulk`."""

    def __init__(self, ports: GatewayPorts, command_ids: CommandIds) -> None:
        self._decider = ports.decider
        self._views = Views(ports.definitions, ports.clock)
        self._command_ids = command_ids

    async def pause(self, req: Request, resp: Response) -> None:
        reason = text(req, "reason")
        await self._each(req, resp, "pause", lambda given: PauseWorkflow(**given, reason=reason))

    async def resume(self, req: Request, resp: Response) -> None:
        reason = text(req, "reason")
        await self._each(req, resp, "resume", lambda given: ResumeWorkflow(**given, reason=reason))

    async def restart(self, req: Request, resp: Response) -> None:
        latest = flag(req, "useLatestDefinitions", default=False)
        reason = text(req, "reason")
        await self._run_again(
            req,
            resp,
            "restart",
            lambda given: RestartWorkflow(**given, use_latest_definitions=latest, reason=reason),
        )

    async def retry(self, req: Request, resp: Response) -> None:
        """Failed sub-workflows begin anew, as in Conductor (spec 5.10)."""
        reason = text(req, "reason")
        await self._run_again(
            req, resp, "retry", lambda given: RetryWorkflow(**given, reason=reason)
        )

    async def terminate(self, req: Request, resp: Response) -> None:
        await self._each(req, resp, "terminate", _terminate(req))

    async def remove(self, req: Request, resp: Response) -> None:
        await self._each(req, resp, "remove", _remove(req), ADMIN)

    async def terminate_and_remove(self, req: Request, resp: Response) -> None:
        """Each is removed even where it cannot be terminated; a success in each of the two steps
        is listed by itself (spec 5.10).
        """
        given = await _ids(req)
        ended = await self._all(req, given, "terminate", _terminate(req), ADMIN)
        removed = await self._all(req, given, "remove", _remove(req), ADMIN)
        done = sorted(
            [*ended.bulk_successful_results, *removed.bulk_successful_results], key=given.index
        )
        errors = {**ended.bulk_error_results, **removed.bulk_error_results}
        answers.json(resp, BulkResponse(bulk_error_results=errors, bulk_successful_results=done))

    async def search(self, req: Request, resp: Response) -> None:
        """The executions themselves, by id."""
        include_tasks = flag(req, "includeTasks", default=True)

        async def find(workflow_id: str) -> Any:
            await require_workflow(req.principal, READ, self._decider, workflow_id)
            state = await state_of(self._decider, workflow_id)
            return await self._views.workflow(state, include_tasks=include_tasks)

        answers.json(resp, await collect(await _ids(req), find))

    async def _run_again(self, req: Request, resp: Response, what: str, make: Make) -> None:
        async def act(workflow_id: str) -> str:
            command_id = self._command_ids.of(req, what, known_form(workflow_id))
            await require_workflow(req.principal, EXECUTE, self._decider, workflow_id)
            await run_again(self._decider, make(envelope(req, command_id, workflow_id)))
            return workflow_id

        answers.json(resp, await collect(await _ids(req), act))

    async def _each(
        self, req: Request, resp: Response, what: str, make: Make, role: Role = EXECUTE
    ) -> None:
        answers.json(resp, await self._all(req, await _ids(req), what, make, role))

    async def _all(
        self, req: Request, given: list[str], what: str, make: Make, role: Role = EXECUTE
    ) -> BulkResponse:
        async def act(workflow_id: str) -> str:
            command_id = self._command_ids.of(req, what, known_form(workflow_id))
            await require_workflow(req.principal, role, self._decider, workflow_id)
            await submit(self._decider, make(envelope(req, command_id, workflow_id)))
            return workflow_id

        return await collect(given, act)


def _terminate(req: Request) -> Make:
    reason = text(req, "reason")
    runs = flag(req, "triggerFailureWorkflow", default=False)
    return lambda given: TerminateWorkflow(**given, reason=reason, run_failure_workflow=runs)


def _remove(req: Request) -> Make:
    archive, reason = flag(req, "archiveWorkflow", default=True), text(req, "reason")
    return lambda given: RemoveWorkflow(**given, archive=archive, reason=reason)


async def collect(
    given: Sequence[_T], act: Callable[[_T], Awaitable[Any]], name_of: Callable[[_T], str] = str
) -> BulkResponse:
    """Does something for everything given at the same time; a refusal is an entry by its name, not
    an exception.
    """

    async def one(each: _T) -> tuple[Any, str | None]:
        try:
            return await act(each), None
        except Refusal as refused:
            return None, refused.message
        except Unavailable as unavailable:
            return None, str(unavailable)

    errors: dict[str, str] = {}
    done: list[Any] = []
    for each, (result, message) in zip(given, await asyncio.gather(*map(one, given)), strict=True):
        if message is None:
            done.append(result)
        else:
            errors[name_of(each)] = message
    return BulkResponse(bulk_error_results=errors, bulk_successful_results=done)


async def _ids(req: Request) -> list[str]:
    """Between 1 and 1000 workflow ids."""
    given = await json_texts(req)
    if given and len(given) <= _IDS_MAX:
        return given
    message = (
        f"Cannot process more than {_IDS_MAX} workflows. Please use multiple requests."
        if given
        else "WorkflowIds list cannot be null."
    )
    raise invalid([ValidationError(path="workflowIds", message=message)])
