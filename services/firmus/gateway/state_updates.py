"""Updating a workflow's state over REST: variables and reports of several tasks in one step."""

import uuid
from typing import Any

from firmus.edge.asking import known_form, submit
from firmus.edge.stored import Stored
from firmus.edge.tasks import reported
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, integer, json_body, text
from firmus.gateway.runs import Call, Runs, named_tasks, return_strategy
from firmus_contracts.bodies import decode_state_update
from firmus_contracts.commands import TaskReport, UpdateState
from firmus_contracts.requests import TaskResult

_WAIT_FOR_S = 10


class StateUpdates:
    """The handler of `/api/workflow/{key}/state`."""

    def __init__(self, ports: GatewayPorts, command_ids: CommandIds, runs: Runs) -> None:
        self._decider = ports.decider
        self._stored = Stored(ports.decider, ports.payloads)
        self._command_ids = command_ids
        self._runs = runs

    async def update(self, req: Request, resp: Response, key: str) -> None:
        """Answered as `execute` is; with `waitForSeconds` 0 at once."""
        workflow_id = known_form(key)
        variables, results = decode_state_update(await json_body(req))
        shared = envelope(req, self._command_ids.of(req, "state", workflow_id), workflow_id)
        command = UpdateState(
            **shared,
            variables=variables,
            reports=tuple(
                TaskReport(ref=ref, **reported(result)) for ref, result in results.items()
            ),
            outputs=await self._outputs(req, results),
            reason=text(req, "reason"),
        )
        call = Call(
            timeout_s=integer(req, "waitForSeconds", _WAIT_FOR_S),
            refs=named_tasks(req),
            strategy=return_strategy(req),
            request_id=text(req, "requestId") or str(uuid.uuid4()),
        )
        with self._runs.place():
            await submit(self._decider, command)
            await self._runs.answer(req, resp, workflow_id, call)

    async def _outputs(self, req: Request, results: dict[str, TaskResult]) -> dict[str, Any]:
        return {
            ref: await self._stored.output_of(result, by=req.principal)
            for ref, result in results.items()
        }
