"""Schemas over REST: registered by name and version, for definitions that name them.

Conductor's open server has no such paths; these are the ones that the SDKs have methods for.
"""

from firmus.definitions.schema_checks import registration_errors
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    actor_of,
    flag,
    json_body,
    may_read,
    whole_number,
)
from firmus.security.grants import ADMIN, require
from firmus_contracts.bodies import decode_schemas, invalid
from firmus_contracts.errors import Refusal


class Schemas:
    """Handlers of `/api/schema`."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._definitions = ports.definitions

    async def save(self, req: Request, resp: Response) -> None:
        """Registers or replaces one schema or several; one that is wrong refuses them all."""
        new_version = flag(req, "newVersion", default=False)
        given = decode_schemas(await json_body(req))
        for schema in given:
            require(req.principal, ADMIN, schema.name or "")
        errors = [fault for schema in given for fault in registration_errors(schema)]
        if errors:
            raise invalid(errors)
        for schema in given:
            await self._definitions.put_schema(
                schema.name or "", schema, new_version=new_version, actor=actor_of(req)
            )
        answers.empty(resp)

    async def all(self, req: Request, resp: Response) -> None:
        found = await self._definitions.schemas()
        answers.json(resp, [schema for schema in found if may_read(req, schema.name or "")])

    async def latest(self, _req: Request, resp: Response, key: str) -> None:
        schema = await self._definitions.schema(key)
        if schema is None:
            raise _unknown(key)
        answers.json(resp, schema)

    async def get(self, _req: Request, resp: Response, key: str, version: str) -> None:
        schema = await self._definitions.schema(key, whole_number("version", version))
        if schema is None:
            raise _unknown(f"{key}, version: {version}")
        answers.json(resp, schema)

    async def delete(self, req: Request, resp: Response, key: str, version: str) -> None:
        number, actor = whole_number("version", version), actor_of(req)
        if not await self._definitions.delete_schemas(key, number, actor=actor):
            raise _unknown(f"{key}, version: {version}")
        answers.empty(resp)

    async def delete_all(self, req: Request, resp: Response, key: str) -> None:
        """All versions."""
        if not await self._definitions.delete_schemas(key, actor=actor_of(req)):
            raise _unknown(key)
        answers.empty(resp)


def _unknown(what: str) -> Refusal:
    return Refusal("NOT_FOUND", f"No such schema found by name: {what}")
