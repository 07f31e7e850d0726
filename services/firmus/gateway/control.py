"""Steering of single workflows over REST beyond pause and resume (spec 5.7-5.9, 8.4)."""

from firmus.edge.asking import known_form, state_of, submit
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    flag,
    json_body,
    json_object,
    optional_json_body,
    text,
)
from firmus.security.grants import EXECUTE, require
from firmus_contracts.bodies import decode_object, decode_skip_request, decode_upgrade_request
from firmus_contracts.commands import (
    JumpToTask,
    RemoveWorkflow,
    SkipTask,
    UpdateState,
    UpgradeWorkflow,
)


class Control:
    """Handlers of `/api/workflow/{key}/…`."""

    def __init__(self, ports: GatewayPorts, command_ids: CommandIds) -> None:
        self._decider = ports.decider
        self._command_ids = command_ids
        self._views = Views(ports.definitions, ports.clock)

    async def remove(self, req: Request, resp: Response, key: str) -> None:
        await self._remove(req, resp, key, terminate=False)

    async def terminate_and_remove(self, req: Request, resp: Response, key: str) -> None:
        """Both or nothing, in one step."""
        await self._remove(req, resp, key, terminate=True)

    async def skip(self, req: Request, resp: Response, key: str, ref: str) -> None:
        """The body may be missing; Conductor never reads it."""
        workflow_id = known_form(key)
        request = decode_skip_request(await optional_json_body(req) or b"{}")
        command = SkipTask(
            **envelope(req, self._command_ids.of(req, "skip", key, ref), workflow_id),
            ref=ref,
            input=request.task_input or {},
            output=request.task_output or {},
            reason=text(req, "reason"),
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def set_variables(self, req: Request, resp: Response, key: str) -> None:
        """The body is the variables to set; the others stay. The answer is the workflow."""
        workflow_id, variables = known_form(key), await json_object(req)
        command = UpdateState(
            **envelope(req, self._command_ids.of(req, "variables", key), workflow_id),
            variables=variables,
            reason=text(req, "reason"),
        )
        await submit(self._decider, command)
        state = await state_of(self._decider, workflow_id)
        answers.json(resp, await self._views.workflow(state, include_tasks=True))

    async def jump(self, req: Request, resp: Response, key: str, ref: str) -> None:
        """The body, when there is one, is laid over the task's input. Clients are made from a
        document that names the task in the query too; some then leave the path as it stands there.
        """
        workflow_id = known_form(key)
        named = text(req, "taskReferenceName")
        ref = named if named and ref == "{taskReferenceName}" else ref
        command = JumpToTask(
            **envelope(req, self._command_ids.of(req, "jump", key, ref), workflow_id),
            ref=ref,
            input=decode_object(await optional_json_body(req) or b"{}"),
            reason=text(req, "reason"),
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def upgrade(self, req: Request, resp: Response, key: str) -> None:
        workflow_id = known_form(key)
        request = decode_upgrade_request(await json_body(req))
        if request.name:
            require(req.principal, EXECUTE, request.name)
        command = UpgradeWorkflow(
            **envelope(req, self._command_ids.of(req, "upgrade", key), workflow_id),
            name=request.name,
            version=request.version or None,
            input=request.workflow_input,
            outputs=request.task_output,
            reason=text(req, "reason"),
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def _remove(self, req: Request, resp: Response, key: str, *, terminate: bool) -> None:
        what = "terminate-remove" if terminate else "remove"
        command = RemoveWorkflow(
            **envelope(req, self._command_ids.of(req, what, key), known_form(key)),
            archive=flag(req, "archiveWorkflow", default=True),
            terminate=terminate,
            reason=text(req, "reason"),
        )
        await submit(self._decider, command)
        answers.empty(resp)
