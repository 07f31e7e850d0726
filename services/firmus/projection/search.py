"""Search over the local read model: the SearchPort that a projection offers."""

from typing import Protocol

from firmus.eventlog.port import LogUnavailable
from firmus.ports import SearchPage, Unavailable
from firmus.projection.fields import SEARCHABLE
from firmus.projection.live import LiveModel
from firmus.projection.query import compile_search
from firmus_contracts.errors import Refusal

SIZE_MAX = 5000


class LogEnd(Protocol):
    async def end(self) -> int: ...


class LocalSearch:
    """Answers from the read model in use here (spec 7.1); Unavailable on a standby."""

    def __init__(self, live: LiveModel, log: LogEnd) -> None:
        self._live = live
        self._log = log

    async def search(
        self, what: str, *, query: str, free_text: str, start: int, size: int, sort: str
    ) -> SearchPage:
        """A page of summaries. Raises Refusal INVALID, Unavailable."""
        searchable = SEARCHABLE.get(what)
        if searchable is None:
            raise Refusal("INVALID", f"Cannot search {what!r}: known are workflows and tasks")
        if size > SIZE_MAX:
            raise Refusal(
                "INVALID", f"Cannot return more than {SIZE_MAX} {what}. Please use pagination."
            )
        if start < 0 or size < 0:
            raise Refusal("INVALID", "start and size must not be negative")
        compiled = compile_search(searchable, query=query, free_text=free_text, sort=sort)
        if self._live.model is None:
            raise Unavailable("no read model is open here, or the first is still being built")
        try:
            end = await self._log.end()
        except LogUnavailable as error:
            raise Unavailable(str(error)) from error
        found = await self._live.search(searchable, compiled, start=start, size=size)
        return SearchPage(
            total_hits=found.total_hits,
            results=found.summaries,
            position=found.position,
            lag=max(0, end - found.position),
        )
