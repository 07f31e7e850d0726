"""Who was not let in: counted by the reason, and told to the log now and then."""

import structlog

from firmus.ports import Clock

CODES = ("UNAUTHENTICATED", "INVALID_TOKEN", "EXPIRED_TOKEN", "INVALID_CREDENTIALS", "FORBIDDEN")
TOLD_EVERY_MS = 10_000
"""However many try, they do not fill the log."""

_ORDINARY = frozenset({"UNAUTHENTICATED", "EXPIRED_TOKEN"})
"""What befalls every client now and then."""
_WHO_CHARS_MAX = 64

_log = structlog.get_logger(__name__)


class Refusals:
    """`counts` by code, since this process began."""

    def __init__(self, clock: Clock) -> None:
        self.counts: dict[str, float] = dict.fromkeys(CODES, 0)
        self._clock = clock
        self._told_ms: dict[str, int] = {}
        self._untold: dict[str, int] = dict.fromkeys(CODES, 0)

    def note(self, code: str, who: str) -> bool:
        """`who`: a key's id or a name, as far as it was said. Whether it was told. Other codes are
        nobody's business here.
        """
        if code not in self.counts:
            return False
        self.counts[code] += 1
        if code in _ORDINARY:
            return False
        self._untold[code] += 1
        now_ms = self._clock.now_ms()
        if now_ms - self._told_ms.get(code, 0) < TOLD_EVERY_MS:
            return False
        times, self._untold[code] = self._untold[code], 0
        self._told_ms[code] = now_ms
        _log.warning("not_let_in", code=code, last=who[:_WHO_CHARS_MAX], times=times)
        return True
