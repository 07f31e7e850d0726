"""Starts over REST: from a request to the id of a workflow whose first decision is in the log.

What makes two requests one start (spec 4.13): `idempotencyKey` and `idempotencyStrategy` of the
body; the headers X-Idempotency-Key and X-On-Conflict, where the body is the input; or the header
Idempotency-Key, with which a request repeated is answered as the first one was.
"""

import secrets
from typing import get_args

import msgspec

from firmus.gateway.asking import CommandIds, envelope, header_key
from firmus.gateway.payloads import Payloads
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.problems import refusal
from firmus.gateway.reading import Request
from firmus.gateway.registration import Registration
from firmus.ports import Started
from firmus_contracts import ids
from firmus_contracts.commands import Rejected
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.starts import start_command

KEY_HEADER = "X-Idempotency-Key"
STRATEGY_HEADER = "X-On-Conflict"
KEY_CHARS_MAX = 4_096
_STRATEGIES: tuple[str, ...] = get_args(IdempotencyStrategy)


class StartRequests:
    """Everything at the gateway that starts a workflow does it through `start`."""

    def __init__(
        self, ports: GatewayPorts, command_ids: CommandIds, registration: Registration
    ) -> None:
        self._ports = ports
        self._command_ids = command_ids
        self._registration = registration
        self._payloads = Payloads(ports)

    async def start(self, req: Request, request: StartWorkflowRequest) -> Started:
        """Returns once the first decision is in the log (spec 3.1). Raises Refusal, Unavailable."""
        key, strategy = start_key(req, request)
        if request.workflow_def is not None:
            await self._registration.workflow(request.workflow_def)
        path = request.external_input_payload_storage_path
        if path:
            given = await self._payloads.given(path, "externalInputPayloadStoragePath")
            request = msgspec.structs.replace(request, input=given)
        workflow_id = ids.mint_workflow_id(
            self._ports.clock.now_ms(), secrets.randbits(ids.RANDOM_BITS)
        )
        shared = envelope(req, self._command_ids.fresh(), workflow_id)
        shared["actor"] = shared.get("actor") or request.created_by or ""
        command = start_command(request, **shared, idempotency_key=key)
        answer = await self._ports.starts.start(command, strategy)
        if isinstance(answer, Rejected):
            raise refusal(answer)
        return answer


def start_key(req: Request, request: StartWorkflowRequest) -> tuple[str | None, str | None]:
    """The idempotency key of a start, and what it means when it was used before."""
    key = request.idempotency_key
    strategy: str | None = request.idempotency_strategy
    given = req.get_header(STRATEGY_HEADER)
    if given is not None and given not in _STRATEGIES:
        raise Refusal("INVALID", f"{STRATEGY_HEADER} is none of {', '.join(_STRATEGIES)}: {given}")
    if not key and req.get_header(KEY_HEADER):
        key, strategy = req.get_header(KEY_HEADER), given
    if not key:
        return header_key(req), given or "RETURN_EXISTING"
    if len(key) > KEY_CHARS_MAX:
        raise Refusal("INVALID", f"idempotencyKey is longer than {KEY_CHARS_MAX} characters")
    return key, strategy
