"""Workflows over REST: starting, reading, and changing what they do (spec 8.4, 5.1)."""

from typing import Any

from firmus.edge.asking import known_form, state_of, submit
from firmus.edge.registration import Registration
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    flag,
    integer,
    json_body,
    json_object,
    optional_integer,
    text,
    texts,
)
from firmus.gateway.starting import StartRequests
from firmus_contracts import ids
from firmus_contracts.bodies import decode_start_request, invalid
from firmus_contracts.commands import (
    Continue,
    PauseWorkflow,
    PushMessage,
    ResumeWorkflow,
    TerminateWorkflow,
)
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.requests import StartWorkflowRequest

_PRIORITY_MAX = 99
_NOT_DEFINED = "No such workflow defined."


class Workflows:
    """Handlers of `/api/workflow`."""

    def __init__(
        self, ports: GatewayPorts, command_ids: CommandIds, registration: Registration
    ) -> None:
        self._views = Views(ports.definitions, ports.clock)
        self._rehearsals = ports.rehearsals
        self._starts = StartRequests(ports, command_ids, registration)
        self._decider = ports.decider
        self._command_ids = command_ids

    async def start(self, req: Request, resp: Response) -> None:
        request = decode_start_request(await json_body(req))
        answers.plain(resp, (await self._starts.start(req, request)).workflow_id)

    async def start_by_name(self, req: Request, resp: Response, key: str) -> None:
        """The body is the input; a definition that is missing is named as a registry names it."""
        version = optional_integer(req, "version")
        request = StartWorkflowRequest(
            name=key,
            version=version,
            correlation_id=text(req, "correlationId"),
            priority=_priority(req),
            input=await json_object(req),
        )
        try:
            workflow_id = (await self._starts.start(req, request)).workflow_id
        except Refusal as refused:
            if refused.code == "NOT_FOUND" and refused.message.startswith(_NOT_DEFINED):
                shown = "null" if version is None else version
                raise Refusal(
                    "NOT_FOUND", f"No such workflow found by name: {key}, version: {shown}"
                ) from refused
            raise
        answers.plain(resp, workflow_id)

    async def get(self, req: Request, resp: Response, key: str) -> None:
        include_tasks = flag(req, "includeTasks", default=True)
        try:
            state = await state_of(self._decider, key)
        except Refusal:
            tested = await self._tested(key)
            if tested is None:
                raise
            answers.json(resp, tested if include_tasks else {**tested, "tasks": []})
            return
        answers.json(resp, await self._views.workflow(state, include_tasks=include_tasks))

    async def tasks(self, req: Request, resp: Response, key: str) -> None:
        """One page of the task rows, of some statuses only if asked; unknown ones find nothing."""
        start, count = integer(req, "start", 0), integer(req, "count", 15)
        if start < 0 or count < 0:
            raise Refusal("INVALID", "start and count must not be negative")
        wanted = {status.upper() for status in texts(req, "status")}
        state = await state_of(self._decider, key)
        rows = [row for row in state.rows() if not wanted or row.status in wanted]
        page = await self._views.tasks(state, rows[start : start + count])
        answers.json(resp, {"totalHits": len(rows), "results": page})

    async def status(self, req: Request, resp: Response, key: str) -> None:
        include_output = flag(req, "includeOutput", default=False)
        include_variables = flag(req, "includeVariables", default=False)
        state = await state_of(self._decider, key)
        view = await self._views.status(
            state, include_output=include_output, include_variables=include_variables
        )
        answers.json(resp, view)

    async def pause(self, req: Request, resp: Response, key: str) -> None:
        command_id = self._command_ids.of(req, "pause", key)
        command = PauseWorkflow(
            **envelope(req, command_id, known_form(key)), reason=text(req, "reason")
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def resume(self, req: Request, resp: Response, key: str) -> None:
        command_id = self._command_ids.of(req, "resume", key)
        command = ResumeWorkflow(
            **envelope(req, command_id, known_form(key)), reason=text(req, "reason")
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def decide(self, req: Request, resp: Response, key: str) -> None:
        command_id = self._command_ids.of(req, "decide", key)
        command = Continue(**envelope(req, command_id, known_form(key)))
        await submit(self._decider, command)
        answers.empty(resp)

    async def push_message(self, req: Request, resp: Response, key: str) -> None:
        """A message for the workflow's PULL_WORKFLOW_MESSAGES tasks; the answer is its id."""
        payload = await json_object(req)
        command_id = self._command_ids.of(req, "message", key)
        command = PushMessage(**envelope(req, command_id, known_form(key)), payload=payload)
        await submit(self._decider, command)
        answers.plain(resp, ids.message_id(key, command_id))

    async def sweep(self, req: Request, resp: Response, key: str) -> None:
        """`decide` under the name that operators know it by."""
        await self.decide(req, resp, key)
        answers.plain(resp, f"true.{key}")

    async def verify(self, req: Request, resp: Response, key: str) -> None:
        """`decide`, and whether there was anything to do; there is nothing else to repair, for all
        queues and timers are made of the log.
        """
        before = await state_of(self._decider, key)
        command_id = self._command_ids.of(req, "verify", key)
        after = await submit(self._decider, Continue(**envelope(req, command_id, known_form(key))))
        answers.plain(resp, "true" if after.version > before.version else "false")

    async def terminate(self, req: Request, resp: Response, key: str) -> None:
        command_id = self._command_ids.of(req, "terminate", key)
        command = TerminateWorkflow(
            **envelope(req, command_id, known_form(key)),
            reason=text(req, "reason"),
            run_failure_workflow=flag(req, "triggerFailureWorkflow", default=False),
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def _tested(self, workflow_id: str) -> dict[str, Any] | None:
        """The execution of a test, which is in no log."""
        rehearsals = self._rehearsals
        if rehearsals is None or not ids.is_workflow_id(workflow_id):
            return None
        return await rehearsals.recall(workflow_id)


def _priority(req: Request) -> int:
    priority = integer(req, "priority", 0)
    if 0 <= priority <= _PRIORITY_MAX:
        return priority
    message = (
        f"{_PRIORITY_MAX} is the maximum priority value"
        if priority > 0
        else "0 is the minimum priority value"
    )
    path = "startWorkflow.priority"
    raise invalid([ValidationError(path=path, message=message, invalid_value=str(priority))])
