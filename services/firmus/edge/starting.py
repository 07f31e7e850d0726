"""From a request to start a workflow to the id of one whose first decision is in the log."""

import secrets

import msgspec

from firmus.edge.asking import Said, refusal
from firmus.edge.permits import require_start
from firmus.edge.registration import Registration
from firmus.edge.stored import Stored
from firmus.ports import Clock, Started, StartsPort
from firmus_contracts import ids
from firmus_contracts.commands import Rejected
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.starts import start_command


class Starting:
    """Starts that clients ask for."""

    def __init__(
        self, starts: StartsPort, registration: Registration, stored: Stored, clock: Clock
    ) -> None:
        self._starts = starts
        self._registration = registration
        self._stored = stored
        self._clock = clock

    async def start(
        self, request: StartWorkflowRequest, said: Said, *, key: str | None, strategy: str | None
    ) -> Started:
        """Returns once the first decision is in the log (spec 3.1). `key` and `strategy`: what
        makes two requests one start (spec 4.13). Whoever was recognised is the one who starts it,
        whatever the request says. Raises Refusal, Unavailable.
        """
        require_start(said.by, request)
        if said.by.name:
            request = msgspec.structs.replace(request, created_by=said.actor)
        if request.workflow_def is not None:
            await self._registration.workflow(request.workflow_def)
        path = request.external_input_payload_storage_path
        if path:
            given = await self._stored.given(path, "externalInputPayloadStoragePath", by=said.by)
            request = msgspec.structs.replace(request, input=given)
        command = start_command(
            request,
            command_id=said.command_id,
            workflow_id=ids.mint_workflow_id(
                self._clock.now_ms(), secrets.randbits(ids.RANDOM_BITS)
            ),
            trace=said.trace,
            actor=said.actor or request.created_by or "",
            idempotency_key=key,
        )
        answer = await self._starts.start(command, strategy)
        if isinstance(answer, Rejected):
            raise refusal(answer)
        return answer
