"""Search over core NATS: `firmus.search`, request and reply; and the projection's operations.

The active projection answers. One that was active, froze and has just woken up does not know yet
that another one is: it leaves what it is asked unanswered. While no active one answers a search,
because it was killed or hangs, a standby is asked too, under a subject of its own: its answer says,
as any does, what it reflects.
"""

import asyncio
from contextlib import suppress
from typing import Any, Literal

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from firmus.eventlog.port import LogUnavailable
from firmus.ports import (
    ReadModelStatus,
    RebuildProgress,
    SearchPage,
    SearchPort,
    SearchRequest,
    Unavailable,
    Verify,
)
from firmus.projection.port import PAGE_TOO_LARGE, StoreFault
from firmus.projection.search import LocalSearch
from firmus.projection.service import ProjectionService
from firmus_contracts.commands import Rejected
from firmus_contracts.errors import Refusal
from firmus_contracts.subjects import (
    PROJECTION_STATUS,
    PROJECTION_UPKEEP,
    SEARCH,
    SEARCH_STANDBY,
)

TIMEOUT_S = 12.0
NO_RESPONDER_WAIT_S = 2.0
PAUSE_S = 0.05
PATIENCE_S = 0.5
"""So long the active projection is asked alone."""
QUEUE_GROUP = "standby"


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="found", rename="camel"):
    page: SearchPage


class RebuildAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="rebuild", rename="camel"):
    progress: RebuildProgress


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="status", rename="camel"):
    status: ReadModelStatus


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="done", rename="camel"):
    pass


class NotNow(msgspec.Struct, frozen=True, kw_only=True, tag="unavailable", rename="camel"):
    problem: str


class UpkeepRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is to be done to the read models."""

    work: Literal["rebuild", "roll_back", "drop_kept"]
    verify: Verify = "report"


_Answer = SearchAnswer | RebuildAnswer | StatusAnswer | DoneAnswer | Rejected | NotNow
_encode = msgspec.json.Encoder().encode
_requests = msgspec.json.Decoder(SearchRequest)
_upkeep_requests = msgspec.json.Decoder(UpkeepRequest)
_answers: msgspec.json.Decoder[_Answer] = msgspec.json.Decoder(_Answer)


class SearchServer:
    """Answers for a projection of this process; searches alone while that stands by."""

    def __init__(self, connection: Client, projection: ProjectionService) -> None:
        self._connection = connection
        self._projection = projection
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                standing_by = await self._connection.subscribe(
                    SEARCH_STANDBY, queue=QUEUE_GROUP, cb=self._received
                )
                try:
                    await self._projection.active.wait()
                finally:
                    await self._unsubscribe([standing_by])
                subscriptions = await self._subscribe()
                try:
                    await self._projection.standby.wait()
                finally:
                    await self._unsubscribe(subscriptions)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _subscribe(self) -> list[Subscription]:
        subjects = (SEARCH, PROJECTION_UPKEEP, PROJECTION_STATUS)
        return [await self._connection.subscribe(it, cb=self._received) for it in subjects]

    async def _unsubscribe(self, subscriptions: list[Subscription]) -> None:
        if not self._connection.is_closed:
            for subscription in subscriptions:
                await subscription.unsubscribe()

    async def _received(self, message: Msg) -> None:
        if message.subject != SEARCH_STANDBY and not self._projection.serving:
            return
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        answer: _Answer
        try:
            answer = await self._answered(message)
        except msgspec.MsgspecError as problem:
            answer = Rejected(code="INVALID", message=str(problem))
        except Refusal as refusal:
            answer = Rejected(code=refusal.code, message=refusal.message)
        except (Unavailable, StoreFault, LogUnavailable) as problem:
            answer = NotNow(problem=str(problem))
        encoded = _encode(answer)
        if len(encoded) > self._connection.max_payload:
            encoded = _encode(Rejected(code="PAYLOAD_TOO_LARGE", message=PAGE_TOO_LARGE))
        await message.respond(encoded)

    async def _answered(self, message: Msg) -> _Answer:
        if message.subject == PROJECTION_UPKEEP:
            return await self._upkeep(_upkeep_requests.decode(message.data))
        if message.subject == PROJECTION_STATUS:
            return StatusAnswer(status=await self._projection.status())
        asked = _requests.decode(message.data)
        return SearchAnswer(page=await self._searched(message.subject).search(asked))

    def _searched(self, subject: str) -> LocalSearch:
        asked_of_any = subject == SEARCH_STANDBY
        return self._projection.standby_search if asked_of_any else self._projection.local_search

    async def _upkeep(self, asked: UpkeepRequest) -> _Answer:
        upkeep = self._projection.upkeep()
        if asked.work == "rebuild":
            return RebuildAnswer(progress=await upkeep.rebuild(asked.verify))
        if asked.work == "roll_back":
            return RebuildAnswer(progress=await upkeep.roll_back())
        await upkeep.drop_kept()
        return DoneAnswer()


class RemoteSearch:
    """Implements `ports.SearchPort` and `ports.ReadModelsPort` from any process."""

    def __init__(self, connection: Client, *, timeout_s: float = TIMEOUT_S) -> None:
        self._connection = connection
        self._timeout_s = timeout_s

    async def search(self, asked: SearchRequest) -> SearchPage:
        """Who answers first, if the active projection takes its time or there is none."""
        asking = [asyncio.ensure_future(self._page(SEARCH, asked))]
        try:
            await asyncio.wait(asking, timeout=PATIENCE_S)
            if not _has_answered(asking[0]):
                asking.append(asyncio.ensure_future(self._page(SEARCH_STANDBY, asked)))
            for answered in asyncio.as_completed(asking):
                with suppress(Unavailable):
                    return await answered
            return await asking[0]
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _page(self, subject: str, asked: SearchRequest) -> SearchPage:
        answer = await self._ask(subject, asked)
        if isinstance(answer, SearchAnswer):
            return answer.page
        raise _unexpected(answer)

    async def rebuild(self, verify: Verify = "report") -> RebuildProgress:
        return await self._upkeep(UpkeepRequest(work="rebuild", verify=verify))

    async def roll_back(self) -> RebuildProgress:
        return await self._upkeep(UpkeepRequest(work="roll_back"))

    async def drop_kept(self) -> None:
        answer = await self._ask(PROJECTION_UPKEEP, UpkeepRequest(work="drop_kept"))
        if not isinstance(answer, DoneAnswer):
            raise _unexpected(answer)

    async def _upkeep(self, asked: UpkeepRequest) -> RebuildProgress:
        answer = await self._ask(PROJECTION_UPKEEP, asked)
        if isinstance(answer, RebuildAnswer):
            return answer.progress
        raise _unexpected(answer)

    async def status(self) -> ReadModelStatus:
        answer = await self._ask(PROJECTION_STATUS)
        if isinstance(answer, StatusAnswer):
            return answer.status
        raise _unexpected(answer)

    async def _ask(self, subject: str, request: Any = None) -> _Answer:
        """While nobody listens (a change of the active projection) it is asked again for a bit."""
        try:
            data = b"" if request is None else _encode(request)
        except UnicodeEncodeError as error:
            raise Refusal("INVALID", "A search holds text that is not Unicode") from error
        loop = asyncio.get_running_loop()
        patience_s = 0.0 if subject == SEARCH_STANDBY else NO_RESPONDER_WAIT_S
        until = loop.time() + min(patience_s, self._timeout_s)
        while True:
            try:
                reply = await self._connection.request(subject, data, timeout=self._timeout_s)
            except NoRespondersError as error:
                if loop.time() >= until:
                    raise Unavailable("no projection is active") from error
                await asyncio.sleep(PAUSE_S)
            except (NatsError, TimeoutError) as error:
                raise Unavailable(f"no projection answered: {error}") from error
            else:
                return _answers.decode(reply.data)


class NearestSearch:
    """Asks the projection of this process while that is the active one, else over NATS."""

    def __init__(self, projection: ProjectionService, remote: SearchPort) -> None:
        self._projection = projection
        self._remote = remote

    async def search(self, asked: SearchRequest) -> SearchPage:
        here = self._projection.local_search if self._projection.serving else self._remote
        return await here.search(asked)


def _has_answered(asked: "asyncio.Future[SearchPage]") -> bool:
    """With a page, or a reason that another projection would give too."""
    return asked.done() and not isinstance(asked.exception(), Unavailable)


def _unexpected(answer: _Answer) -> Exception:
    if isinstance(answer, Rejected):
        return Refusal(answer.code, answer.message)
    if isinstance(answer, NotNow):
        return Unavailable(answer.problem)
    return Unavailable(f"an answer to another question: {type(answer).__name__}")
