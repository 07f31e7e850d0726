"""What security costs a request: its rule and a known credential, beside the bare handler.

python benchmarks/security.py
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from firmus.clock import SystemClock
from firmus.gateway.access import guarded
from firmus.gateway.express import Call
from firmus.gateway.lean import LeanRequest, LeanResponse
from firmus.gateway.routes import Route
from firmus.security.grants import Grant
from firmus.security.guard import Guard
from firmus.security.store import memory_keys

ROUNDS = 200_000
POLL = "/api/tasks/poll/{task_type}"
GRANTS = {
    "all names": (Grant("execute"),),
    "one pattern": (Grant("execute", "orders_*"),),
    "the last of ten patterns": (
        *(Grant("read", f"x{n}_*") for n in range(9)),
        Grant("execute", "orders_*"),
    ),
}


class Somebody:
    """Who waits for an answer, as far as it is looked at."""

    peer = ("10.0.0.7", 40_000)


async def bare(_req: Any, _resp: Any, **_params: str) -> None:
    return


async def measured(call: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Microseconds of one call: the best of five."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(rounds // 5):
            await call()
        best = min(best, (time.perf_counter() - begun) / (rounds // 5))
    return best * 1e6


def say(what: str, cost_us: float) -> None:
    print(f"{what:<52} {cost_us:6.2f} us")


async def main() -> None:
    keys = memory_keys(SystemClock())
    guard = Guard(keys, SystemClock())
    response: Any = LeanResponse()
    call = Call(bare, "GET", POLL, {}, {})
    say("off: the handler alone", await measured(lambda: bare(None, response)))
    handler = guarded([Route("GET", POLL, bare)], guard, None, None)[0].handler  # type: ignore[arg-type]  # no id is looked up
    for what, grants in GRANTS.items():
        key = await keys.create(what, grants)
        token = await guard.token(key.key_id, key.key_secret)
        say(f"on: a known token, {what}", await measured(known(handler, call, token)))
        first = functools.partial(guard.authenticate, token)
        say("   the same token for the first time", await measured(first, 20_000))
    login = functools.partial(guard.token, key.key_id, key.key_secret)
    say("POST /api/token, HTTP apart", await measured(login, 20_000))


def known(handler: Any, call: Call, token: str) -> Callable[[], Awaitable[object]]:
    headers = {b"x-authorization": token.encode(), b"host": b"x", b"user-agent": b"y"}
    response: Any = LeanResponse()

    def request() -> Awaitable[object]:
        made = LeanRequest(call, headers, b"", Somebody(), None)  # type: ignore[arg-type]  # not read
        found: Awaitable[object] = handler(made, response, task_type="orders_pack")
        return found

    return request


if __name__ == "__main__":
    asyncio.run(main())
