"""The gRPC server beside the REST gateway, for those who want it and have its packages."""

import contextlib
import importlib.util
from collections.abc import AsyncIterator

import structlog

from firmus.front import rate_of
from firmus.gateway.ports import GatewayPorts
from firmus.settings import Settings, identity_of

PACKAGES = ("grpc", "grpc_health", "grpc_reflection", "google.protobuf")
_log = structlog.get_logger(__name__)


def missing_package(settings: Settings) -> str | None:
    """A package that gRPC needs and that is not installed; None when all is well."""
    if not settings.grpc_port:
        return None
    return next((name for name in PACKAGES if not _installed(name)), None)


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


@contextlib.asynccontextmanager
async def grpc_beside(settings: Settings, ports: GatewayPorts) -> AsyncIterator[None]:
    """Serves gRPC on what the gateway stands on, when there is a port for it. Raises OSError when
    it cannot listen.
    """
    if not settings.grpc_port:
        yield
        return
    # Late, as these packages are an extra.
    from firmus.rpc import service  # noqa: PLC0415
    from firmus.rpc.ports import RpcPorts  # noqa: PLC0415

    server = await service.start(
        RpcPorts(
            decider=ports.decider,
            starts=ports.starts,
            queues=ports.queues,
            definitions=ports.definitions,
            search=ports.search,
            clock=ports.clock,
            payloads=ports.payloads,
            event_handlers=ports.event_handlers,
            polls=ports.polls,
            guard=ports.guard,
        ),
        host=settings.host,
        port=settings.grpc_port,
        message_bytes_max=settings.body_bytes_max,
        identity=identity_of(settings),
        rate=rate_of(settings),
        calls_max=settings.requests_max,
    )
    _log.info("grpc", host=settings.host, port=server.port)
    try:
        yield
    finally:
        await server.close()
