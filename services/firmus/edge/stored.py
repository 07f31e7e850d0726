"""Large payloads that requests name by a path instead of bringing them (spec 1.10)."""

from typing import Any

from firmus.edge.asking import state_of
from firmus.edge.permits import require_stored
from firmus.ports import DeciderPort, PayloadsPort
from firmus.security.grants import Principal
from firmus.workflow.external import place_of, value_at
from firmus_contracts.bodies import decode_object
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import TaskResult


class Stored:
    """The values that lie at paths: those of executions, and what clients uploaded."""

    def __init__(self, decider: DeciderPort, uploads: PayloadsPort | None) -> None:
        self._decider = decider
        self._uploads = uploads

    async def value(self, path: str, *, by: Principal) -> dict[str, Any]:
        """What lies at a path. Raises Refusal NOT_FOUND, FORBIDDEN."""
        await require_stored(by, self._decider, path)
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

    async def output_of(self, result: TaskResult, *, by: Principal) -> dict[str, Any]:
        """The output of a report, also where it names it by a path instead (spec 1.10)."""
        path = result.external_output_payload_storage_path
        if not path:
            return result.output_data or {}
        return await self.given(path, "externalOutputPayloadStoragePath", by=by)

    async def given(self, path: str, field: str, *, by: Principal) -> dict[str, Any]:
        """The value that a request names by a path. Raises Refusal INVALID that names the field;
        FORBIDDEN.
        """
        try:
            return await self.value(path, by=by)
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
            raise Refusal("INVALID", f"{field}: no payload is stored at {path}") from None
