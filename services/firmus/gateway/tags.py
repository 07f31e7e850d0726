"""Tags of definitions over REST, as the SDKs ask for them; Conductor itself has no such paths."""

from typing import TypeVar

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.rate_limits import LIMIT, as_tag, from_tags, limit_of, set_limit
from firmus.gateway.reading import Request, Response, actor_of, json_body, may_read, text
from firmus.ports import DefinitionsPort, TagChange, TagOwner
from firmus_contracts.bodies import decode_tag_or_tags
from firmus_contracts.definitions import TaskDef, WorkflowDef

_Definition = TypeVar("_Definition", WorkflowDef, TaskDef)


async def carrying(
    req: Request, definitions: DefinitionsPort, what: TagOwner, found: list[_Definition]
) -> list[_Definition]:
    """Those of the definitions that the request asks for by `tagKey` and `tagValue`."""
    key, value = text(req, "tagKey") or None, text(req, "tagValue") or None
    if key is None and value is None:
        return found
    tagged = await definitions.tagged(what, key, value)
    return [definition for definition in found if definition.name in tagged]


class Tags:
    """Handlers of `/api/metadata/workflow/{name}/tags` or `/api/metadata/task/{name}/tags`. Among
    those of a workflow stands its limit, which the Python SDK writes so.
    """

    def __init__(self, ports: GatewayPorts, what: TagOwner) -> None:
        self._definitions = ports.definitions
        self._what = what

    async def get(self, _req: Request, resp: Response, key: str) -> None:
        found = await self._definitions.tags(self._what, key)
        limit = await limit_of(self._definitions, key) if self._what == "workflow" else None
        answers.json(resp, found if limit is None else [*found, as_tag(key, limit)])

    async def add(self, req: Request, resp: Response, key: str) -> None:
        await self._change(req, resp, key, "add")

    async def replace(self, req: Request, resp: Response, key: str) -> None:
        await self._change(req, resp, key, "set")

    async def remove(self, req: Request, resp: Response, key: str) -> None:
        await self._change(req, resp, key, "remove")

    async def all(self, req: Request, resp: Response) -> None:
        """The tags of all definitions, each once, in order."""
        found = {
            (tag.key or "", tag.value or ""): tag
            for name, tag in await self._definitions.all_tags()
            if may_read(req, name)
        }
        answers.json(resp, [found[each] for each in sorted(found)])

    async def _change(self, req: Request, resp: Response, name: str, change: TagChange) -> None:
        given, actor = decode_tag_or_tags(await json_body(req)), actor_of(req)
        limits = [tag for tag in given if tag.type == LIMIT] if self._what == "workflow" else []
        if limits:
            limit = None if change == "remove" else from_tags(limits)
            await set_limit(self._definitions, name, limit, actor=actor)
            given = [tag for tag in given if tag.type != LIMIT]
        if given or not limits:
            await self._definitions.retag(self._what, name, change, given, actor=actor)
        answers.empty(resp)
