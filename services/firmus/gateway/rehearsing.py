"""`POST /workflow/test`: a definition played with mocked results (spec 5.12)."""

import msgspec

from firmus.edge.permits import require_start
from firmus.edge.registration import Registration
from firmus.edge.stored import Stored
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, flag, json_body
from firmus_contracts.bodies import decode_test_request
from firmus_contracts.errors import Refusal


class Rehearsing:
    """Handlers for tests of workflows."""

    def __init__(self, ports: GatewayPorts, registration: Registration) -> None:
        self._rehearsals = ports.rehearsals
        self._registration = registration
        self._stored = Stored(ports.decider, ports.payloads)

    async def test(self, req: Request, resp: Response) -> None:
        """The execution at its end, or where it stopped. `virtualTime`: time passes meanwhile."""
        request = decode_test_request(await json_body(req))
        require_start(req.principal, request)
        if self._rehearsals is None:
            raise Refusal("NOT_IMPLEMENTED", "This server plays no tests of workflows")
        if request.workflow_def is not None:
            await self._registration.workflow(request.workflow_def)
        path = request.external_input_payload_storage_path
        if path:
            given = await self._stored.given(
                path, "externalInputPayloadStoragePath", by=req.principal
            )
            request = msgspec.structs.replace(request, input=given)
        timed = flag(req, "virtualTime", default=False)
        answers.json(resp, await self._rehearsals.run(request, timed=timed))
