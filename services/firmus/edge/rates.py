"""How many requests a client may make: a bucket for each.

A bucket holds `burst` requests and fills by `per_s` a second; kept is one number for each, the time
at which it will be full again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from firmus_contracts.errors import Refusal

CLIENTS_MAX = 10_000


class Rate(msgspec.Struct, frozen=True):
    per_s: float
    burst: int


def drawn(full_s: float, now_s: float, rate: Rate) -> tuple[float, float]:
    """When the bucket is full again after one more request, and how long that has to wait (0: it
    may go on, else nothing was drawn).
    """
    full_s = max(full_s, now_s)
    after_s = full_s + 1 / rate.per_s
    wait_s = after_s - now_s - rate.burst / rate.per_s
    return (full_s, wait_s) if wait_s > 1e-9 else (after_s, 0.0)


class Buckets:
    """Those that are not full, at most CLIENTS_MAX: beyond that the longest unused is forgotten."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._full_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_s)

    def wait_s(self, client: str) -> float:
        """How long a client has to wait; 0: a request of its is counted and may go on."""
        now_s = self._clock()
        full_s, wait_s = drawn(self._full_s.pop(client, 0.0), now_s, self._rate)
        self._full_s[client] = full_s
        while len(self._full_s) > 1:
            oldest, its_full_s = next(iter(self._full_s.items()))
            if its_full_s > now_s and len(self._full_s) <= CLIENTS_MAX:
                break
            del self._full_s[oldest]
        return wait_s

    def draw(self, client: str) -> None:
        """Counts a request of a client. Raises Refusal TOO_MANY_REQUESTS."""
        wait_s = self.wait_s(client)
        if wait_s:
            message = f"Too many requests: try again in {wait_s:.1f} s"
            raise Refusal("TOO_MANY_REQUESTS", message, retry_s=wait_s)

    def put_back(self, client: str) -> None:
        """A request that was counted, and is not to count."""
        full_s = self._full_s.get(client)
        if full_s is not None:
            self._full_s[client] = full_s - 1 / self._rate.per_s
