"""How summaries and CloudEvents write a time: GMT, `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'` (spec 1.1)."""

from datetime import UTC, datetime
from functools import lru_cache


def gmt(time_ms: int) -> str:
    """A time in epoch milliseconds as text."""
    seconds, millis = divmod(time_ms, 1000)
    return f"{_seconds(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=1024)
def _seconds(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()[:19]
