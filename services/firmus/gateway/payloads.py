"""Large payloads over REST: where they are put and found (spec 1.10, 8.4, 8.5).

A client asks for a location, and uploads to or downloads from the address it is given; this
server itself answers there.
"""

import uuid
from typing import Any
from urllib.parse import quote

from firmus.gateway import answers
from firmus.gateway.asking import state_of
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, raw_body, required, text
from firmus.workflow.external import Owner, Place, Side, place_of, value_at
from firmus.workflow.masking import NOTHING, masked
from firmus_contracts.bodies import decode_object
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import ExternalStorageLocation
from firmus_contracts.requests import TaskResult

BASE = "/api/external/payloads"
"""Where this server answers itself for payloads."""
_KINDS: dict[str, tuple[Owner, Side]] = {
    "WORKFLOW_INPUT": ("workflow", "input"),
    "WORKFLOW_OUTPUT": ("workflow", "output"),
    "TASK_INPUT": ("task", "input"),
    "TASK_OUTPUT": ("task", "output"),
}
_OPERATIONS = frozenset({"READ", "WRITE"})


class Payloads:
    """Handlers of `externalstoragelocation` and of the addresses that it gives."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._decider = ports.decider
        self._uploads = ports.payloads
        self._definitions = ports.definitions

    async def location(self, req: Request, resp: Response) -> None:
        """READ: the address of a path, whether or not something lies there. WRITE: a path nobody
        else has, unless one is given that can be written.
        """
        operation = required(req, "operation").upper()
        kind = required(req, "payloadType").upper()
        if operation not in _OPERATIONS:
            raise Refusal("INVALID", f"operation: unknown value '{operation}'")
        if kind not in _KINDS:
            raise Refusal("INVALID", f"payloadType: unknown value '{kind}'")
        path = text(req, "path") or ""
        if place_of(path) is None and (operation == "WRITE" or not path):
            path = Place(*_KINDS[kind], str(uuid.uuid4())).path
        address = path if place_of(path) is not None else quote(path, safe="")
        uri = f"{req.prefix}{BASE}/{address}"
        answers.json(resp, ExternalStorageLocation(uri=uri, path=path))

    async def download(
        self, req: Request, resp: Response, owner: str, side: str, name: str
    ) -> None:
        del req
        path = f"{owner}/{side}/{name}"
        answers.json(resp, masked(await self.value(path), await self._masked_at(path)))

    async def upload(self, req: Request, resp: Response, owner: str, side: str, name: str) -> None:
        """Keeps a JSON object under a path; an execution's own values cannot be written. The
        content type is not looked at: clients send what their HTTP library says by itself.
        """
        place = place_of(f"{owner}/{side}/{name}")
        if place is None or place.workflow_id is not None or self._uploads is None:
            raise Refusal("NOT_FOUND", f"Nothing can be uploaded to {owner}/{side}/{name}")
        data = await raw_body(req)
        decode_object(data)
        await self._uploads.put(place.path, data)
        answers.empty(resp)

    async def _masked_at(self, path: str) -> frozenset[str]:
        """The masked fields of the execution that a path belongs to."""
        place = place_of(path)
        if place is None or place.workflow_id is None:
            return NOTHING
        state = await state_of(self._decider, place.workflow_id)
        return (await self._definitions.pinned(state.definition_hash)).masked

    async def value(self, path: str) -> dict[str, Any]:
        """What lies at a path. Raises Refusal NOT_FOUND."""
        place = place_of(path)
        if place is not None and place.workflow_id is not None:
            found = value_at(await state_of(self._decider, place.workflow_id), place)
            if found is not None:
                return found
        elif place is not None and self._uploads is not None:
            try:
                return decode_object(await self._uploads.get(place.path))
            except KeyError:
                pass
        raise Refusal("NOT_FOUND", f"No payload is stored at {path}")

    async def output_of(self, result: TaskResult) -> dict[str, Any]:
        """The output of a report, also where it names it by a path instead (spec 1.10)."""
        path = result.external_output_payload_storage_path
        if not path:
            return result.output_data or {}
        return await self.given(path, "externalOutputPayloadStoragePath")

    async def given(self, path: str, field: str) -> dict[str, Any]:
        """The value that a request names by a path. Raises Refusal INVALID that names the field."""
        try:
            return await self.value(path)
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
            raise Refusal("INVALID", f"{field}: no payload is stored at {path}") from None
