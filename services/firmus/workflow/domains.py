"""Which domain a worker's task goes to (spec 4.10); decided once, when the row is made."""

from collections.abc import Callable, Mapping

NO_DOMAIN = "NO_DOMAIN"
ACTIVE_WITHIN_MS = 10_000

LastPoll = Callable[[str, str], int]
"""(task type, domain) -> epoch milliseconds of the last poll, 0 when there was none."""


def choose_domain(
    task_type: str, task_to_domain: Mapping[str, str], last_poll: LastPoll, now_ms: int
) -> str | None:
    """The first listed domain that a worker polled within ten seconds, else the last entry."""
    listed = task_to_domain.get(task_type) or task_to_domain.get("*")
    if not listed:
        return None
    entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
    for entry in entries:
        if entry.upper() == NO_DOMAIN:
            continue
        if now_ms - last_poll(task_type, entry) < ACTIVE_WITHIN_MS:
            return entry
    if not entries or entries[-1].upper() == NO_DOMAIN:
        return None
    return entries[-1]
