"""Large payloads over REST: where they are put and found (spec 1.10, 8.4, 8.5).

A client asks for a location, and uploads to or downloads from the address it is given; this
server itself answers there. Clients send no credentials to an address that they were given, so with
security it has a ticket in it, good for what it was given for.
"""

import uuid
from collections.abc import Mapping
from urllib.parse import quote

from firmus.edge.asking import state_of
from firmus.edge.stored import Stored
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, raw_body, required, text
from firmus.security.grants import Principal
from firmus.workflow.external import Owner, Place, Side, place_of
from firmus.workflow.masking import NOTHING, masked
from firmus_contracts.bodies import decode_object
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import ExternalStorageLocation

BASE = "/api/external/payloads"
"""Where this server answers itself for payloads."""
_KINDS: dict[str, tuple[Owner, Side]] = {
    "WORKFLOW_INPUT": ("workflow", "input"),
    "WORKFLOW_OUTPUT": ("workflow", "output"),
    "TASK_INPUT": ("task", "input"),
    "TASK_OUTPUT": ("task", "output"),
}
_OPERATIONS = frozenset({"READ", "WRITE"})


def scope_of(method: str, path: str) -> str:
    """What a ticket in an address is for."""
    return f"{method} {path}"


def path_of(parameters: Mapping[str, str]) -> str:
    """The path of a payload, from the parameters of its address."""
    return "{owner}/{side}/{name}".format_map(parameters)


class Payloads:
    """Handlers of `externalstoragelocation` and of the addresses that it gives."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._decider = ports.decider
        self._uploads = ports.payloads
        self._definitions = ports.definitions
        self._guard = ports.guard
        self._stored = Stored(ports.decider, ports.payloads)

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
        ticket = self._ticket(req.principal, "GET" if operation == "READ" else "PUT", path)
        uri = f"{req.prefix}{BASE}/{address}{ticket}"
        answers.json(resp, ExternalStorageLocation(uri=uri, path=path))

    async def download(
        self, req: Request, resp: Response, owner: str, side: str, name: str
    ) -> None:
        path = f"{owner}/{side}/{name}"
        found = await self._stored.value(path, by=req.principal)
        answers.json(resp, masked(found, await self._masked_at(path)))

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

    def _ticket(self, by: Principal, method: str, path: str) -> str:
        """What stands behind an address: nothing without security, nor for who has no key."""
        if self._guard is None or place_of(path) is None:
            return ""
        ticket = self._guard.ticket(by, scope_of(method, path))
        return "" if ticket is None else f"?ticket={ticket}"

    async def _masked_at(self, path: str) -> frozenset[str]:
        """The masked fields of the execution that a path belongs to."""
        place = place_of(path)
        if place is None or place.workflow_id is None:
            return NOTHING
        state = await state_of(self._decider, place.workflow_id)
        return (await self._definitions.pinned(state.definition_hash)).masked
