"""How the log of a running system is laid out, read without declaring anything."""

import asyncio

import msgspec

from firmus.broker.connection import BrokerUnavailable
from firmus.broker.streams import META_BUCKET, Layout, check_layout
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered

WITHIN_S = 30.0
_SUBJECT = f"$KV.{META_BUCKET}.layout"


async def read_layout(wire: JetStreamWire, *, within_s: float = WITHIN_S) -> Layout:
    """The layout; waits for a system that is just starting.

    Raises BrokerUnavailable when there is none, BrokerUnsuitable when this build is too old for it.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _read(wire)
    except TimeoutError:
        raise BrokerUnavailable("no firmus has ever run on this NATS server") from None


async def _read(wire: JetStreamWire) -> Layout:
    while True:
        try:
            stored = await wire.last(f"KV_{META_BUCKET}", _SUBJECT)
        except (Unanswered, StreamRefused):
            stored = None
        if stored is not None:
            layout = msgspec.json.decode(stored.data, type=Layout)
            check_layout(layout, shards=None)
            return layout
        await asyncio.sleep(0.1)
