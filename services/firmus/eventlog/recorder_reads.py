"""Many stored messages in one request: the direct get of a stream, in pages.

nats-py has only the single form. A reader that needs what a leader has acknowledged compares the
last sequence it saw: a replica that answers may be behind, but never out of order.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError


class Stored(msgspec.Struct, frozen=True):
    """A message as the stream holds it."""

    subject: str
    sequence: int
    headers: Mapping[str, str]
    data: bytes


class Page(msgspec.Struct, frozen=True):
    """`more` tells that matching messages are left after these."""

    messages: list[Stored]
    more: bool


class DirectGetError(Exception):
    """The server refused the request; the text is the server's."""


async def direct_get(
    nc: Client, stream: str, request: dict[str, Any], *, timeout_s: float = 5.0
) -> Page:
    """What a batched direct get answers: `request` is its JSON body (`batch`, `seq`, `next_by_subj`
    or `multi_last`). Empty when nothing matches. Raises NoRespondersError when there is no such
    stream, TimeoutError when the answer stays away, DirectGetError for a refusal.
    """
    answers: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=answers.put)
    try:
        await nc.publish(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request), reply=inbox)
        async with asyncio.timeout(timeout_s):
            return await _collect(answers)
    finally:
        if not nc.is_closed:
            await subscription.unsubscribe()


async def _collect(answers: asyncio.Queue[Msg]) -> Page:
    messages: list[Stored] = []
    while True:
        msg = await answers.get()
        headers = msg.headers or {}
        status = headers.get("Status")
        if status == "204":
            return Page(messages, int(headers.get("Nats-Num-Pending", "0")) > 0)
        if status == "404":
            return Page(messages, more=False)
        if status == "503":
            raise NoRespondersError
        if status is not None:
            raise DirectGetError(f"{status} {headers.get('Description', '')}".strip())
        messages.append(
            Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, msg.data)
        )
