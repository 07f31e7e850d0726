"""Event handlers over REST (spec 8.7)."""

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, actor_of, flag, json_body, may_read
from firmus.ports import EventHandlersPort
from firmus_contracts.bodies import decode_event_handler, decode_event_handlers
from firmus_contracts.errors import Refusal


class EventHandlerRequests:
    """Handlers of `/api/event`."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._given = ports.event_handlers
        self._waiting = ports.messages_waiting

    @property
    def _handlers(self) -> EventHandlersPort:
        if self._given is None:
            raise Refusal("NOT_IMPLEMENTED", "This server keeps no event handlers")
        return self._given

    async def add(self, req: Request, resp: Response) -> None:
        for handler in decode_event_handlers(await json_body(req)):
            await self._handlers.add(handler, actor=actor_of(req))
        answers.empty(resp)

    async def update(self, req: Request, resp: Response) -> None:
        handler = decode_event_handler(await json_body(req))
        await self._handlers.update(handler, actor=actor_of(req))
        answers.empty(resp)

    async def delete(self, req: Request, resp: Response, key: str) -> None:
        await self._handlers.delete(key, actor=actor_of(req))
        answers.empty(resp)

    async def all(self, req: Request, resp: Response) -> None:
        found = await self._handlers.handlers()
        answers.json(resp, [handler for handler in found if may_read(req, handler.name)])

    async def queues(self, req: Request, resp: Response) -> None:
        """Events that active handlers wait for, each with the name of its queue; `verbose`: and how
        many messages are not done with yet.
        """
        given = [] if self._given is None else await self._given.handlers()
        events = sorted({handler.event for handler in given if handler.active})
        queues = {event: event.partition(":")[2] for event in events}
        if not flag(req, "verbose", default=False):
            answers.json(resp, queues)
            return
        sizes = [await self._waiting(event) for event in events]
        answers.json(
            resp,
            {event: {queues[event]: size} for event, size in zip(events, sizes, strict=True)},
        )

    async def of_event(self, req: Request, resp: Response, key: str) -> None:
        active_only = flag(req, "activeOnly", default=True)
        found = await self._handlers.of_event(key, active_only=active_only)
        answers.json(resp, [handler for handler in found if may_read(req, handler.name)])
