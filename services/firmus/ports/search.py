"""Search of the read models."""

from typing import Protocol

import msgspec

LATEST = -1
"""As a position: the log's end at the time of asking."""


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`what` is workflows or tasks. `after` is the `next` of the page before, and stands instead of
    `start`. The answer waits up to `wait_s` seconds until it reflects the log up to `at_least`
    (LATEST: all that was answered before), and comes as it is then. `within`: only of workflows
    whose name fits one of these patterns, where a `*` is any characters; None means all.
    """

    what: str
    query: str = ""
    free_text: str = "*"
    start: int = 0
    size: int = 100
    sort: str = ""
    after: str = ""
    at_least: int = 0
    wait_s: float = 0.0
    within: tuple[str, ...] | None = None


class SearchPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`results` are summaries as REST shows them; `next` leads to those behind them, empty after
    the last one. `position` is the log position the answer reflects; `lag` how many commits the log
    was ahead of it when it was asked.
    """

    total_hits: int
    results: list[msgspec.Raw]
    position: int = 0
    lag: int = 0
    next: str = ""


class SearchPort(Protocol):
    async def search(self, asked: SearchRequest) -> SearchPage:
        """Raises Refusal INVALID for what cannot be read, saying where; Unavailable when no
        projection answers.
        """
        ...
