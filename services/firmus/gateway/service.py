"""The gateway as a running server: uvicorn inside the loop of whoever starts it."""

import asyncio
import functools
import socket
from typing import cast

import structlog
import uvicorn

from firmus.gateway.app import Ways, build
from firmus.gateway.doorman import Doorman, Limits
from firmus.gateway.manners import Manners
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.presence import Presence
from firmus.gateway.wire import Protocol
from firmus.returning import Returns
from firmus.tls import Identity, Renewal, server_context

log = structlog.get_logger(__name__)

_STOP_TIMEOUT_S = 10
_LOOK_AGAIN_S, _LOOK_AGAIN_MAX_S = 0.001, 0.1
_KEEP_ALIVE_S = 75
_BACKLOG = 2048


class Listener:
    """A server that listens. `port` is the one that it was really given."""

    def __init__(
        self,
        server: uvicorn.Server,
        bound: socket.socket,
        presence: Presence,
        doorman: Doorman,
        renewal: Renewal | None = None,
    ) -> None:
        self.doorman, self.renewal = doorman, renewal
        beside = [doorman.run()] if renewal is None else [doorman.run(), renewal.run()]
        self._beside = [asyncio.create_task(work) for work in beside]
        self._server = server
        self._bound = bound
        self._presence = presence
        self.port = int(bound.getsockname()[1])

    async def close(self) -> None:
        """Takes no more connections, ends what waits (a poll with nothing), lets the rest finish.

        What has not finished after ten seconds is cut off. Closing twice is harmless.
        """
        for task in self._beside:
            task.cancel()
        self._presence.close()
        if self._bound.fileno() >= 0:
            await self._end()

    async def _end(self) -> None:
        """As uvicorn's `shutdown`, which looks ten times a second whether all has ended, and not
        before the first of them.
        """
        state = self._server.server_state
        for server in self._server.servers:
            server.close()
        self._bound.close()
        for connection in list(state.connections):
            connection.shutdown()
        pause_s = _LOOK_AGAIN_S
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                while state.connections or state.tasks:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _LOOK_AGAIN_MAX_S)
                for server in self._server.servers:
                    await server.wait_closed()
        except TimeoutError:
            left = {"connections": len(state.connections), "requests": len(state.tasks)}
            log.warning("what had not finished is cut off", **left)
            for task in state.tasks:
                task.cancel()


async def start(
    ports: GatewayPorts,
    *,
    host: str,
    port: int,
    manners: Manners | None = None,
    identity: Identity | None = None,
) -> Listener:
    """Listens in the running loop, with TLS for who has an identity; port 0 takes any free one.
    Raises OSError when it cannot, TlsError.
    """
    polls = Polls(ports.queues, ports.clock, ports.polls, Returns(ports.decider))
    ways = build(ports, polls, manners=manners)
    limits = None if manners is None else manners.limits
    return await listen(ways, polls, host=host, port=port, identity=identity, limits=limits)


async def listen(
    ways: Ways,
    polls: Polls,
    *,
    host: str,
    port: int,
    identity: Identity | None = None,
    limits: Limits | None = None,
) -> Listener:
    """Starts a server for an application that uses these polls."""
    context = None if identity is None else server_context(identity)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Connections inherit it. asyncio would not set it on them, as this socket names no protocol,
    # and every answer's head and body would lie 40 ms apart.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        ways.app,
        http=cast(
            "type[Protocol]", functools.partial(Protocol, express=ways.express, limits=limits)
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    config.ssl = context
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # The main loop of uvicorn is left out: it wakes ten times a second for signals, request
    # limits and date headers, none of which are its business here.
    await server.startup(sockets=[bound])
    loop = asyncio.get_running_loop()
    doorman = Doorman(lambda: server.server_state.connections, limits or Limits(), loop.time)
    renewal = None
    if identity is not None and context is not None:
        renewal = Renewal(identity, context)
    return Listener(server, bound, polls.presence, doorman, renewal)
