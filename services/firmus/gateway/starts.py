"""Starting a workflow for a request: its definition, its input, its idempotency key (spec 3.1)."""

import secrets

import msgspec

from firmus.broker.keys import Strategy
from firmus.gateway.asking import CommandIds, envelope, header_key, submit
from firmus.gateway.payloads import Payloads
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request
from firmus.gateway.registration import Registration
from firmus_contracts import ids
from firmus_contracts.commands import NO_DEFINITION, StartWorkflow
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest


class Starts:
    def __init__(
        self, ports: GatewayPorts, command_ids: CommandIds, registration: Registration
    ) -> None:
        self._keys = ports.keys
        self._clock = ports.clock
        self._decider = ports.decider
        self._registration = registration
        self._payloads = Payloads(ports)
        self._command_ids = command_ids

    async def start(self, req: Request, request: StartWorkflowRequest) -> str:
        """The id of the workflow, once its first decision is in the log (spec 3.1)."""
        if request.workflow_def is not None:
            await self._registration.workflow(request.workflow_def)
        path = request.external_input_payload_storage_path
        if path:
            given = await self._payloads.given(path, "externalInputPayloadStoragePath")
            request = msgspec.structs.replace(request, input=given)
        workflow_id = ids.mint_workflow_id(self._clock.now_ms(), secrets.randbits(ids.RANDOM_BITS))
        key, strategy = request.idempotency_key, request.idempotency_strategy or "FAIL"
        if not key:
            key, strategy = header_key(req), "RETURN_EXISTING"
        command_id = self._command_ids.fresh()
        if key:
            if self._keys is None:
                raise Refusal("NOT_IMPLEMENTED", "This server keeps no idempotency keys")
            claimed = await self._keys.claim(
                request.name, key, Strategy(strategy), workflow_id, self._is_running
            )
            workflow_id = claimed.workflow_id
            if claimed.existing:
                return workflow_id
            # Two requests that both find the key without its workflow send one and the same start.
            command_id = f"start:{workflow_id}"
        await submit(self._decider, _command(req, request, command_id, workflow_id, key))
        return workflow_id

    async def _is_running(self, workflow_id: str) -> bool | None:
        """None: the start that took the key never came to be, and is made up for."""
        state = await self._decider.read(workflow_id)
        return None if state is None else not state.status.terminal


def _command(
    req: Request, request: StartWorkflowRequest, command_id: str, workflow_id: str, key: str | None
) -> StartWorkflow:
    inline = request.workflow_def
    return StartWorkflow(
        **envelope(req, command_id, workflow_id),
        name=request.name,
        version=request.version,
        definition=NO_DEFINITION if inline is None else msgspec.Raw(msgspec.json.encode(inline)),
        input=request.input,
        correlation_id=request.correlation_id,
        priority=request.priority,
        task_to_domain=request.task_to_domain,
        created_by=request.created_by,
        idempotency_key=key,
        external_input_path=request.external_input_payload_storage_path,
    )
