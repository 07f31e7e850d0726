"""The gRPC server, inside the loop of whoever starts it."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from firmus.edge.asking import CommandIds
from firmus.edge.entrance import Entrance
from firmus.edge.rates import Buckets, Rate
from firmus.rpc.calls import Call, Send
from firmus.rpc.definitions import Definitions
from firmus.rpc.event_handlers import EventHandlers
from firmus.rpc.messages import (
    event_service_pb2,
    metadata_service_pb2,
    task_service_pb2,
    workflow_service_pb2,
)
from firmus.rpc.ports import RpcPorts
from firmus.rpc.problems import status_of
from firmus.rpc.rules import check, rule_of
from firmus.rpc.tasks import Tasks
from firmus.rpc.workflows import Workflows
from firmus.tls import Identity
from firmus_contracts.errors import Refusal

MESSAGE_BYTES_MAX = 32 * 1024 * 1024
"""Well above the largest payload (10 MiB): one that is too large is to be refused by its reason."""
_STOP_TIMEOUT_S = 10
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # A client that vanished without a word is noticed by a ping that is not answered.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_log = structlog.get_logger(__name__)

Handler = Callable[..., Awaitable[Any]]


class RpcServer:
    """A server that listens. `port` is the one that it was really given."""

    def __init__(self, server: grpc.aio.Server, port: int, tasks: Tasks, health: Any) -> None:
        self.port = port
        self._server = server
        self._tasks = tasks
        self._health = health

    async def close(self) -> None:
        """Takes no more calls, ends polls that wait with nothing, lets the rest finish.

        What has not finished after ten seconds is cut off. Closing twice is harmless.
        """
        await self._health.enter_graceful_shutdown()
        self._tasks.close()
        await self._server.stop(_STOP_TIMEOUT_S)
        await self._tasks.finish()


async def start(
    ports: RpcPorts,
    *,
    host: str,
    port: int,
    message_bytes_max: int = MESSAGE_BYTES_MAX,
    identity: Identity | None = None,
    rate: Rate | None = None,
    calls_max: int = 0,
) -> RpcServer:
    """Listens in the running loop, with TLS for who has an identity; port 0 takes any free one.
    `rate`: of each client's calls. `calls_max`: at once, 0 any number. Raises OSError when it
    cannot, TlsError.
    """
    tasks, desk = Tasks(ports), _Desk(ports, None if rate is None else Buckets(rate))
    services = (
        (_service(task_service_pb2, "TaskService"), tasks),
        (_service(workflow_service_pb2, "WorkflowService"), Workflows(ports)),
        (_service(metadata_service_pb2, "MetadataService"), Definitions(ports)),
        (_service(event_service_pb2, "EventService"), EventHandlers(ports)),
    )
    limit = ("grpc.max_receive_message_length", message_bytes_max)
    server = grpc.aio.server(options=(limit, *_OPTIONS), maximum_concurrent_rpcs=calls_max or None)
    for service, methods in services:
        handlers = {
            method.name: desk.handler(method, getattr(methods, snake_case(method.name)))
            for method in service.methods
        }
        generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
        server.add_generic_rpc_handlers((generic,))
    names = [service.full_name for service, _ in services]
    answering = await _health(server, names)
    reflected = [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
    reflection.enable_server_reflection([*reflected, reflection.SERVICE_NAME], server)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if identity is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, _credentials(identity))
    except RuntimeError as problem:
        raise OSError(f"cannot listen at {address} for gRPC: {problem}") from problem
    await server.start()
    return RpcServer(server, bound, tasks, answering)


def _credentials(identity: Identity) -> grpc.ServerCredentials:
    """As they are now: with credentials that are fetched anew grpc 1.85 crashes when clients come
    while they change. Raises TlsError.
    """
    key, certificates, authorities = identity.pem()
    return grpc.ssl_server_credentials(
        [(key, certificates)], authorities, require_client_auth=authorities is not None
    )


def snake_case(name: str) -> str:
    """`GetQueueInfo` is `get_queue_info`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


async def _health(server: grpc.aio.Server, names: list[str]) -> Any:
    untyped: Any = health
    servicer = untyped.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", *names):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return servicer


def _service(module: Any, name: str) -> ServiceDescriptor:
    found: ServiceDescriptor = module.DESCRIPTOR.services_by_name[name]
    return found


class _Desk:
    """What every call passes on its way to its handler."""

    def __init__(self, ports: RpcPorts, buckets: Buckets | None) -> None:
        self._guarded = ports.guard is not None
        self._entrance = Entrance(ports.guard, buckets)
        self._decider = ports.decider
        self._command_ids = CommandIds()

    def handler(self, method: MethodDescriptor, handle: Handler) -> Any:
        """The handler of a method as grpc has it: failures become statuses."""
        name, rule = method.name, rule_of(method.containing_service.name, method.name)
        read = GetMessageClass(method.input_type).FromString

        async def served(data: bytes, context: Any, *send: Send) -> tuple[Message, Call]:
            """The answer to somebody who may have it; nobody else's request is even read."""
            call = Call(context.invocation_metadata(), self._command_ids)
            call.by = await self._entrance.admit(call.header, host_of(str(context.peer())))
            try:
                request = read(data)
                if self._guarded:
                    await check(rule, call.by, request, self._decider)
                return await handle(request, call, *send), call
            except Refusal as refused:
                self._entrance.turned_away(call.by, refused)
                raise

        async def unary(data: bytes, context: Any) -> Message:
            try:
                answer, call = await served(data, context)
                if call.told:
                    context.set_trailing_metadata(tuple(call.told))
            except Exception as error:
                await _fail(context, error, name)
                raise
            return answer

        async def stream(data: bytes, context: Any) -> None:
            try:
                await served(data, context, context.write)
            except Exception as error:  # noqa: BLE001 - there is a status for each
                await _fail(context, error, name)

        write = GetMessageClass(method.output_type).SerializeToString
        if method.server_streaming:
            streaming: Any = stream
            return grpc.unary_stream_rpc_method_handler(streaming, response_serializer=write)
        single: Any = unary
        return grpc.unary_unary_rpc_method_handler(single, response_serializer=write)


def host_of(peer: str) -> str:
    """A client's address, whatever port it calls from: that of `ipv4:10.0.0.7:40000`, or of
    `ipv6:%5B::1%5D:40000`.
    """
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")


async def _fail(context: Any, error: Exception, method: str) -> None:
    """Ends the call with the status of what went wrong."""
    found = status_of(error, method)
    if found is None:
        _log.error("call_failed", method=method, exc_info=error)
        text = f"Internal error ({type(error).__name__}); the log has more"
        found = grpc.StatusCode.INTERNAL, text
    code, text = found
    await context.abort(code, text)
