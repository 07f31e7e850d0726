"""Search over the local read model: the SearchPort that a projection offers."""

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Protocol

from firmus.eventlog.port import LogUnavailable
from firmus.ports import LATEST, SearchPage, SearchRequest, Unavailable
from firmus.projection.choices import Choices
from firmus.projection.fields import Searchable, with_attributes
from firmus.projection.live import LiveModel
from firmus.projection.paging import after
from firmus.projection.port import StoreFault
from firmus.projection.query import Compiled, compile_search
from firmus.projection.words import pieces_of
from firmus_contracts.errors import Refusal

SIZE_MAX = 5000
WAIT_MAX_S = 10.0


class LogEnd(Protocol):
    async def end(self) -> int: ...


class LocalSearch:
    """Answers from the read model in use here (spec 7.1); Unavailable when not `serving`."""

    def __init__(
        self, live: LiveModel, log: LogEnd, choices: Choices, *, serving: Callable[[], bool]
    ) -> None:
        self._serving = serving
        self._live = live
        self._log = log
        self._choices = choices

    async def search(self, asked: SearchRequest) -> SearchPage:
        """A page of summaries. Raises Refusal INVALID, Unavailable."""
        searchable = self._live.searchable.get(asked.what)
        if searchable is None:
            raise Refusal("INVALID", f"Cannot search {asked.what!r}: known are workflows and tasks")
        if asked.size > SIZE_MAX:
            raise Refusal(
                "INVALID",
                f"Cannot return more than {SIZE_MAX} {asked.what}. Please use pagination.",
            )
        if asked.start < 0 or asked.size < 0:
            raise Refusal("INVALID", "start and size must not be negative")
        compiled = await self._compiled(searchable, asked)
        if asked.after:
            compiled = after(compiled, asked.after)
        if not self._serving():
            raise Unavailable("this projection stands by; the active one answers")
        if self._live.model is None:
            raise Unavailable("no read model is open here, or the first is still being built")
        try:
            end = await self._log.end()
        except LogUnavailable as error:
            raise Unavailable(str(error)) from error
        wanted = end if asked.at_least == LATEST else asked.at_least
        await self._live.reached(wanted, within_s=min(asked.wait_s, WAIT_MAX_S))
        if asked.wait_s and pieces_of(asked.free_text):
            await self._index_words(min(asked.wait_s, WAIT_MAX_S))
        start = 0 if asked.after else asked.start
        found = await self._live.search(searchable, compiled, start=start, size=asked.size)
        return SearchPage(
            total_hits=found.total_hits,
            results=found.summaries,
            position=found.position,
            lag=max(0, end - found.position),
            next=found.next,
        )

    async def _index_words(self, within_s: float) -> None:
        try:
            with contextlib.suppress(TimeoutError):  # rows may come faster than their words
                async with asyncio.timeout(within_s):
                    await self._live.index_words()
        except StoreFault as fault:
            raise Unavailable(str(fault)) from fault

    async def _compiled(self, what: Searchable, asked: SearchRequest) -> Compiled:
        """Attributes are known that executions have, and then those that no execution has yet."""
        compiled = functools.partial(
            compile_search,
            query=asked.query,
            free_text=asked.free_text,
            sort=asked.sort,
            within=asked.within,
        )
        model = self._live.model
        if what.table != "workflows" or model is None:
            return compiled(what)
        kinds = model.attribute_kinds()
        try:
            return compiled(with_attributes(what, kinds) if kinds else what)
        except Refusal:
            more = await self._choices.kinds()
            if more.keys() <= kinds.keys():
                raise
        return compiled(with_attributes(what, {**more, **kinds}))
