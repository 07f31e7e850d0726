"""Waiting requests end with the gateway, those that come while it stops as well."""

import asyncio
from collections.abc import Callable

from firmus.gateway.presence import Presence


class Client:
    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


async def forever() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_a_request_that_waits_is_ended_and_one_that_comes_later_does_not_wait():
    presence = Presence()
    waiting = asyncio.create_task(presence.unless_gone(Client(), forever()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    presence.close()

    assert await waiting is None
    assert await presence.unless_gone(Client(), forever()) is None  # type: ignore[arg-type]
