"""Running ended workflows again over REST: restart, retry, rerun (spec 5.3-5.5, 8.4); and resetting
callbacks (spec 5.11).
"""

from firmus.edge.again import rerun_path, run_again
from firmus.edge.asking import known_form, submit
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, json_body, text
from firmus_contracts.bodies import decode_rerun_request
from firmus_contracts.commands import (
    RerunWorkflow,
    ResetCallbacks,
    RestartWorkflow,
    RetryWorkflow,
)


class Again:
    """Handlers of `/api/workflow/{key}/…`."""

    def __init__(self, ports: GatewayPorts, command_ids: CommandIds) -> None:
        self._decider = ports.decider
        self._command_ids = command_ids

    async def restart(self, req: Request, resp: Response, key: str) -> None:
        command = RestartWorkflow(
            **envelope(req, self._command_ids.of(req, "restart", key), known_form(key)),
            use_latest_definitions=flag(req, "useLatestDefinitions", default=False),
            reason=text(req, "reason"),
        )
        await run_again(self._decider, command)
        answers.empty(resp, 204)

    async def retry(self, req: Request, resp: Response, key: str) -> None:
        command = RetryWorkflow(
            **envelope(req, self._command_ids.of(req, "retry", key), known_form(key)),
            resume_subworkflow_tasks=flag(req, "resumeSubworkflowTasks", default=False),
            reason=text(req, "reason"),
        )
        await run_again(self._decider, command)
        answers.empty(resp, 204)

    async def rerun(self, req: Request, resp: Response, key: str) -> None:
        """The workflow is the one that the path names, whatever `reRunFromWorkflowId` says."""
        request = decode_rerun_request(await json_body(req))
        command_id = self._command_ids.of(req, "rerun", key)
        task_id = request.re_run_from_task_id
        path: tuple[str, ...] = ()
        if task_id is not None:
            path = await rerun_path(self._decider, key, task_id, by=req.principal)
        command = RerunWorkflow(
            **envelope(req, command_id, known_form(key)),
            path=path,
            task_input=request.task_input,
            workflow_input=request.workflow_input,
            correlation_id=request.correlation_id,
            reason=text(req, "reason"),
        )
        await run_again(self._decider, command)
        answers.plain(resp, key)

    async def reset_callbacks(self, req: Request, resp: Response, key: str) -> None:
        command_id = self._command_ids.of(req, "resetcallbacks", key)
        await submit(self._decider, ResetCallbacks(**envelope(req, command_id, known_form(key))))
        answers.empty(resp, 204)
