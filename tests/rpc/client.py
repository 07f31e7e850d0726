"""A gRPC client made from the descriptors: methods by their names, requests as keywords."""

from typing import Any

import grpc
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from firmus.rpc.messages import (  # noqa: F401 - they fill the pool
    event_service_pb2,
    metadata_service_pb2,
    task_service_pb2,
    workflow_service_pb2,
)

PACKAGES = {
    "TaskService": "conductor.grpc.tasks",
    "WorkflowService": "conductor.grpc.workflows",
    "MetadataService": "conductor.grpc.metadata",
    "EventService": "conductor.grpc.events",
}


class Failed(AssertionError):
    """A call that was answered with another status than OK."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(f"{error.code().name}: {error.details()}")
        self.code = error.code().name
        self.text = error.details()


class Rpc:
    """`service` methods take and give what JSON has; `open` gives the call itself."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def tasks(self, method: str, **request: Any) -> Any:
        return await self.call("TaskService", method, request)

    async def workflows(self, method: str, **request: Any) -> Any:
        return await self.call("WorkflowService", method, request)

    async def metadata(self, method: str, **request: Any) -> Any:
        return await self.call("MetadataService", method, request)

    async def events(self, method: str, **request: Any) -> Any:
        return await self.call("EventService", method, request)

    async def call(self, service: str, method: str, request: dict[str, Any], **options: Any) -> Any:
        """The answer, or all answers of a stream. Raises Failed."""
        streams = stream_of(service, method)
        call = self.open(service, method, request, **options)
        try:
            if streams:
                return [shown(message) async for message in call]
            return shown(await call)
        except grpc.aio.AioRpcError as error:
            raise Failed(error) from None

    def open(self, service: str, method: str, request: dict[str, Any], **options: Any) -> Any:
        found = Default().FindServiceByName(f"{PACKAGES[service]}.{service}")
        its = found.methods_by_name[method]
        ask, answer = GetMessageClass(its.input_type), GetMessageClass(its.output_type)
        make = self.channel.unary_stream if its.server_streaming else self.channel.unary_unary
        stub = make(
            f"/{found.full_name}/{method}",
            request_serializer=ask.SerializeToString,
            response_deserializer=answer.FromString,
        )
        return stub(ParseDict(request, ask()), **{"timeout": 20, **options})


def stream_of(service: str, method: str) -> bool:
    found = Default().FindServiceByName(f"{PACKAGES[service]}.{service}")
    return bool(found.methods_by_name[method].server_streaming)


def shown(message: Message) -> Any:
    return MessageToDict(message)
