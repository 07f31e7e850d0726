"""Synchronous calls: executing a workflow until it ends or blocks, and signals to what blocks
(spec 8.4.1, 8.5).

A call waits with its client: when that leaves, nobody waits any more, and the workflow goes on.
"""

import uuid
from functools import partial
from typing import Any

import msgspec

from firmus.edge.asking import state_of, submit
from firmus.edge.registration import Registration
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    integer,
    json_body,
    json_object,
    optional_integer,
    result_status,
    text,
    whole_number,
)
from firmus.gateway.runs import Call, Runs, named_tasks, return_strategy
from firmus.gateway.starting import StartRequests
from firmus.security.grants import EXECUTE, require
from firmus.waiting import Found
from firmus_contracts.bodies import decode_start_request
from firmus_contracts.commands import UpdateTask
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.statuses import ResultStatus

WAIT_FOR_S = 10
SIGNAL_TIMEOUT_MS = 5_000


class Executions:
    """Handlers of `/api/workflow/execute` and of signals."""

    def __init__(
        self,
        ports: GatewayPorts,
        command_ids: CommandIds,
        registration: Registration,
        runs: Runs,
    ) -> None:
        self._decider = ports.decider
        self._starts = StartRequests(ports, command_ids, registration)
        self._runs = runs
        self._command_ids = command_ids

    async def execute(self, req: Request, resp: Response, name: str, version: str) -> None:
        """Starts a workflow and answers when it has ended, when it waits for a signal, when a task
        of `waitUntilTaskRef` has ended, or after `waitForSeconds`.
        """
        number = whole_number("version", version)
        request = decode_start_request(await json_body(req), name=name, version=number)
        await self._execute(req, resp, request)

    async def execute_latest(self, req: Request, resp: Response, name: str) -> None:
        """The same in the version of the query or the body; the latest when neither names one."""
        request = decode_start_request(await json_body(req), name=name)
        version = optional_integer(req, "version")
        if version is not None:
            request = msgspec.structs.replace(request, version=version)
        await self._execute(req, resp, request)

    async def signal(self, req: Request, resp: Response, key: str, ref: str) -> None:
        """Ends the first WAIT of a workflow, or of its open sub-workflows; nothing if there is
        none. `ref` stands for the status to set.
        """
        await self._signal(req, key, result_status(ref), await json_object(req))
        answers.empty(resp)

    async def signal_sync(self, req: Request, resp: Response, key: str, ref: str) -> None:
        """The same, answered when the workflow has ended, blocks again, or after
        `timeoutMillis`.
        """
        timeout_ms = integer(req, "timeoutMillis", SIGNAL_TIMEOUT_MS, bits=64)
        call = Call(
            timeout_s=timeout_ms / 1000,
            strategy=return_strategy(req),
            request_id=str(uuid.uuid4()),
        )
        status, output = result_status(ref), await json_object(req)
        with self._runs.place():
            if not await self._signal(req, key, status, output):
                raise Refusal("NOT_FOUND", f"Found no blocked task in workflow {key} to signal")
            await self._runs.answer(req, resp, key, call)

    async def _execute(self, req: Request, resp: Response, request: StartWorkflowRequest) -> None:
        call = Call(
            timeout_s=integer(req, "waitForSeconds", WAIT_FOR_S) or WAIT_FOR_S,
            refs=named_tasks(req),
            strategy=return_strategy(req),
            request_id=text(req, "requestId") or str(uuid.uuid4()),
        )
        with self._runs.place():
            started = await self._starts.start(req, _prepared(request))
            await self._runs.answer(req, resp, started.workflow_id, call)

    async def _signal(
        self, req: Request, key: str, status: ResultStatus, output: dict[str, Any]
    ) -> bool:
        """Whether there was a WAIT. One of a sub-workflow asks for the role there too."""
        await state_of(self._decider, key)
        command_id = self._command_ids.of(req, "signal", key, status)

        def report(found: Found) -> UpdateTask:
            require(req.principal, EXECUTE, found.state.name)
            return UpdateTask(
                **envelope(req, command_id, found.state.workflow_id),
                task_id=found.state.task_id(found.row.ordinal),
                status=status,
                output={**found.row.output, **output},
            )

        return await self._runs.waits.signal(key, report, partial(submit, self._decider))


def _prepared(request: StartWorkflowRequest) -> StartWorkflowRequest:
    """Version 0 is the latest. The input of an inline definition says where it comes from."""
    given = request.input
    if request.workflow_def is not None and given is not None:
        metadata = given.get("_systemMetadata")
        kept = metadata if isinstance(metadata, dict) else {}
        given = {**given, "_systemMetadata": {**kept, "dynamic": True}}
    return msgspec.structs.replace(request, version=request.version or None, input=given)
