"""A worker's or client's way to a running system: one connection and the ports over it."""

import os
import secrets
import socket

import msgspec

from firmus.broker.access import Servers
from firmus.broker.connection import Connection, connect
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.ports import DeciderPort, WatchPort
from firmus.transport.decider import RemoteDecider
from firmus.transport.watching import RemoteWatches
from firmus.worker.layout import read_layout


class Link(msgspec.Struct, frozen=True):
    """Open; `close` ends it."""

    connection: Connection
    wire: JetStreamWire
    decider: DeciderPort
    watches: WatchPort

    async def close(self) -> None:
        await self.wire.close()
        await self.connection.close()


async def open_link(servers: Servers, *, name: str) -> Link:
    """Raises BrokerUnavailable, BrokerUnsuitable."""
    connection = await connect(servers, name=name)
    try:
        wire = await JetStreamWire.open(connection)
        layout = await read_layout(wire)
        blobs = JetStreamBlobs(wire)
        history = JetStreamLog(wire, blobs, shards=layout.shards)
        decider = RemoteDecider(connection, history, shards=layout.shards, blobs=blobs)
    except BaseException:
        await connection.close()
        raise
    return Link(connection, wire, decider, RemoteWatches(connection, shards=layout.shards))


def own_name() -> str:
    """A name that no other worker has: host, process, and a few random digits."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
