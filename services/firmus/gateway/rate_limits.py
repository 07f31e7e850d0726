"""The limit of a workflow, as SDKs set it beside its definition: `rateLimitConfig` of all versions.

The JavaScript SDK has paths of its own for it, the Python SDK writes it as a tag.
"""

from collections.abc import Iterable

import msgspec

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, actor_of, json_body
from firmus.ports import DefinitionsPort
from firmus_contracts.bodies import decode_rate_limit, invalid
from firmus_contracts.definitions import RateLimitConfig
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.requests import Tag

LIMIT = "RATE_LIMIT"


class RateLimits:
    """Handlers of `/api/metadata/workflow/{name}/rate-limit`."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._definitions = ports.definitions

    async def get(self, _req: Request, resp: Response, key: str) -> None:
        found = await limit_of(self._definitions, key)
        if found is None:
            raise Refusal("NOT_FOUND", f"No rate limit of workflow: {key}")
        answers.json(resp, found)

    async def put(self, req: Request, resp: Response, key: str) -> None:
        given = decode_rate_limit(await json_body(req))
        await set_limit(self._definitions, key, given, actor=actor_of(req))
        answers.empty(resp)

    async def delete(self, req: Request, resp: Response, key: str) -> None:
        await set_limit(self._definitions, key, None, actor=actor_of(req))
        answers.empty(resp)


async def limit_of(definitions: DefinitionsPort, name: str) -> RateLimitConfig | None:
    """That of the latest version. Raises Refusal NOT_FOUND when there is no version."""
    latest = await definitions.workflow(name)
    if latest is None:
        raise Refusal("NOT_FOUND", f"No such workflow definition: {name}")
    return latest.rate_limit_config


async def set_limit(
    definitions: DefinitionsPort, name: str, limit: RateLimitConfig | None, *, actor: str
) -> None:
    """Registers every version with this limit. Raises Refusal NOT_FOUND, INVALID."""
    if limit is not None and limit.concurrent_exec_limit < 1:
        field, number = "concurrentExecLimit", limit.concurrent_exec_limit
        message = f"{field} must be at least 1"
        told = ValidationError(path=field, message=message, invalid_value=str(number))
        raise invalid([told])
    found = [each for each in await definitions.workflows() if each.name == name]
    if not found:
        raise Refusal("NOT_FOUND", f"No such workflow definition: {name}")
    for definition in found:
        if definition.rate_limit_config != limit:
            changed = msgspec.structs.replace(definition, rate_limit_config=limit)
            await definitions.put_workflow(changed, overwrite=True, actor=actor)


def as_tag(name: str, limit: RateLimitConfig) -> Tag:
    """A limit as the Python SDK reads it."""
    return Tag(key=name, value=str(limit.concurrent_exec_limit), type=LIMIT)


def from_tags(tags: Iterable[Tag]) -> RateLimitConfig | None:
    """The limit among tags, for all executions together. Raises Refusal INVALID."""
    for tag in tags:
        if tag.type == LIMIT:
            if not (tag.value or "").isdecimal():
                message = "value of a RATE_LIMIT must be a number"
                told = ValidationError(path="value", message=message, invalid_value=tag.value)
                raise invalid([told])
            return RateLimitConfig(concurrent_exec_limit=int(tag.value or 0))
    return None
