"""Starts over REST: from a request to the id of a workflow whose first decision is in the log.

What makes two requests one start (spec 4.13): `idempotencyKey` and `idempotencyStrategy` of the
body; the headers X-Idempotency-Key and X-On-Conflict, where the body is the input; or the header
Idempotency-Key, with which a request repeated is answered as the first one was.
"""

from typing import get_args

from firmus.edge.asking import Said
from firmus.edge.registration import Registration
from firmus.edge.starting import Starting
from firmus.edge.stored import Stored
from firmus.gateway.asking import CommandIds, header_key
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, actor_of, trace_of
from firmus.ports import Started
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest

KEY_HEADER = "X-Idempotency-Key"
STRATEGY_HEADER = "X-On-Conflict"
KEY_CHARS_MAX = 4_096
_STRATEGIES: tuple[str, ...] = get_args(IdempotencyStrategy)


class StartRequests:
    """Everything at the gateway that starts a workflow does it through `start`."""

    def __init__(
        self, ports: GatewayPorts, command_ids: CommandIds, registration: Registration
    ) -> None:
        stored = Stored(ports.decider, ports.payloads)
        self._starting = Starting(ports.starts, registration, stored, ports.clock)
        self._command_ids = command_ids

    async def start(self, req: Request, request: StartWorkflowRequest) -> Started:
        """Returns once the first decision is in the log (spec 3.1). Raises Refusal, Unavailable."""
        key, strategy = start_key(req, request)
        said = Said(self._command_ids.fresh(), trace_of(req), actor_of(req), req.principal)
        return await self._starting.start(request, said, key=key, strategy=strategy)


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
