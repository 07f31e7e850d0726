"""Starts over REST: from a request to the id of a workflow whose first decision is in the log."""

from firmus.edge.asking import Said
from firmus.edge.headers import start_key
from firmus.edge.registration import Registration
from firmus.edge.starting import Starting
from firmus.edge.stored import Stored
from firmus.gateway.asking import CommandIds
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, actor_of, trace_of
from firmus.ports import Started
from firmus_contracts.requests import StartWorkflowRequest


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
        key, strategy = start_key(req.get_header, request)
        said = Said(self._command_ids.fresh(), trace_of(req), actor_of(req), req.principal)
        return await self._starting.start(request, said, key=key, strategy=strategy)
