"""conductor.grpc.events.EventService: event handlers as registered (spec 8.7)."""

from firmus.ports import EventHandlersPort
from firmus.rpc.calls import Call, Send
from firmus.rpc.messages import event_handlers_pb2 as model
from firmus.rpc.messages import event_service_pb2 as pb
from firmus.rpc.ports import RpcPorts
from firmus.rpc.reading import body_of
from firmus.rpc.writing import message_of
from firmus_contracts.bodies import decode_event_handler
from firmus_contracts.errors import Refusal
from firmus_contracts.event_handlers import EventHandler


class EventHandlers:
    """The methods of the service."""

    def __init__(self, ports: RpcPorts) -> None:
        self._given = ports.event_handlers

    @property
    def _handlers(self) -> EventHandlersPort:
        if self._given is None:
            raise Refusal("NOT_IMPLEMENTED", "This server keeps no event handlers")
        return self._given

    async def add_event_handler(
        self, request: pb.AddEventHandlerRequest, call: Call
    ) -> pb.AddEventHandlerResponse:
        handler = decode_event_handler(body_of(request.handler))
        await self._handlers.add(handler, actor=call.actor)
        return pb.AddEventHandlerResponse()

    async def update_event_handler(
        self, request: pb.UpdateEventHandlerRequest, call: Call
    ) -> pb.UpdateEventHandlerResponse:
        handler = decode_event_handler(body_of(request.handler))
        await self._handlers.update(handler, actor=call.actor)
        return pb.UpdateEventHandlerResponse()

    async def remove_event_handler(
        self, request: pb.RemoveEventHandlerRequest, call: Call
    ) -> pb.RemoveEventHandlerResponse:
        await self._handlers.delete(request.name, actor=call.actor)
        return pb.RemoveEventHandlerResponse()

    async def get_event_handlers(
        self, _request: pb.GetEventHandlersRequest, call: Call, send: Send
    ) -> None:
        await _send_all(await self._handlers.handlers(), call, send)

    async def get_event_handlers_for_event(
        self, request: pb.GetEventHandlersForEventRequest, call: Call, send: Send
    ) -> None:
        found = await self._handlers.of_event(request.event, active_only=request.active_only)
        await _send_all(found, call, send)


async def _send_all(handlers: list[EventHandler], call: Call, send: Send) -> None:
    for handler in handlers:
        if call.may_read(handler.name):
            await send(message_of(model.EventHandler, handler))
