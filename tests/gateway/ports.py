"""The world behind a gateway under test: the real decider and definitions over a log in memory,
and small but working queues, search and keys."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from firmus.broker.keys import MemoryKeyStore
from firmus.broker.polldata import PollTable
from firmus.broker.rejections import MemoryRejections
from firmus.broker.starting import Starts
from firmus.clock import FixedClock
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.memory import MemoryLog
from firmus.eventlog.uploads import MemoryUploads
from firmus.gateway.ports import GatewayPorts
from firmus.ports import QueueSize, ScriptResult, SearchPage, SearchRequest, Unavailable
from firmus.schedules.store import memory_schedules
from firmus.security.grants import matches
from firmus.workflow.rest_view import task_summary, workflow_summary
from firmus_contracts.commands import Accepted, Answer, BeginTask, Command, RequeueTask
from firmus_contracts.envelope import Record
from firmus_contracts.errors import Refusal
from firmus_contracts.events import TaskRequeued, TaskScheduled, TaskUpdated, WorkflowStarted


class NoScripts:
    async def run(self, evaluator: str, expression: str, scope: Any) -> ScriptResult:
        return ScriptResult(error="no scripts in these tests")


class Door:
    """A decider that a test can shut, before or after the command has been carried out."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self.shut = False
        self.loses_answers = False
        self.seen: list[Command] = []

    async def submit(self, command: Command) -> Answer:
        self.seen.append(command)
        if self.shut:
            raise Unavailable("nobody answered")
        answer = await self._decider.submit(command)
        if self.loses_answers:
            raise Unavailable("the answer was lost")
        return answer

    async def read(self, workflow_id: str) -> Any:
        if self.shut:
            raise Unavailable("nobody answered")
        return await self._decider.read(workflow_id)

    async def history(self, workflow_id: str) -> list[Record]:
        return await self._decider.history(workflow_id)


class LogQueues:
    """Queues that are a fold of the log, read when somebody polls."""

    def __init__(self, log: MemoryLog, decider: Decider) -> None:
        self._log = log
        self._decider = decider
        self._after = 0
        self._waiting: dict[tuple[str, str | None], list[str]] = {}
        self._of: dict[str, tuple[str, str | None]] = {}
        self._lock = asyncio.Lock()
        self.polling = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.polls = 0

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        """The time limit is for the wait alone: what has begun is always handed over."""
        self.polls += 1
        until = asyncio.get_running_loop().time() + timeout_s
        try:
            while True:
                await self._fold(wait=False)
                begun = await self._begin((task_type, domain), worker_id, count)
                if begun or not timeout_s:
                    return begun
                self.polling.set()
                async with asyncio.timeout_at(until):
                    await self._fold(wait=True)
        except TimeoutError:
            return []
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def sizes(self) -> list[QueueSize]:
        await self._fold(wait=False)
        return [
            QueueSize(task_type=task_type, domain=domain, waiting=len(ids), in_flight=0)
            for (task_type, domain), ids in self._waiting.items()
        ]

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        await self._fold(wait=False)
        mine = [task_id for task_id, key in self._of.items() if key[0] == task_type]
        answers = [
            await self._decider.submit(
                RequeueTask(
                    command_id=f"requeue-{task_id}-{self.polls}",
                    workflow_id=task_id[:-6] + "000000",
                    task_id=task_id,
                    actor=actor,
                )
            )
            for task_id in mine
        ]
        return sum(isinstance(answer, Accepted) for answer in answers)

    async def _begin(
        self, key: tuple[str, str | None], worker_id: str, count: int
    ) -> list[msgspec.Raw]:
        begun: list[msgspec.Raw] = []
        waiting = self._waiting.get(key, [])
        while waiting and len(begun) < count:
            task_id = waiting.pop(0)
            answer = await self._decider.submit(
                BeginTask(
                    command_id=f"begin-{task_id}-{self.polls}",
                    workflow_id=task_id[:-6] + "000000",
                    task_id=task_id,
                    worker_id=worker_id,
                )
            )
            if isinstance(answer, Accepted):
                begun.append(answer.result)
        return begun

    async def _fold(self, *, wait: bool) -> None:
        if wait:
            async for _ in self._log.follow(after=self._after):
                return
        async with self._lock:
            if await self._log.end() <= self._after:
                return
            async for batch in self._log.follow(after=self._after):
                for record in batch:
                    self._take(record)
                return

    def _take(self, record: Record) -> None:
        self._after = record.position
        for event in record.commit.events:
            task_id = f"{record.workflow_id[:-6]}{getattr(event, 'ordinal', 0):06x}"
            if isinstance(event, TaskScheduled) and event.queued:
                self._of[task_id] = (event.queue or event.task_type, event.domain)
            elif not (
                isinstance(event, TaskRequeued)
                or (isinstance(event, TaskUpdated) and event.requeued)
            ):
                continue
            self._waiting.setdefault(self._of[task_id], []).append(task_id)


class LogSearch:
    """Finds by `field=value`, `>=`, `<=` and `IN (…)` pieces joined by AND, oldest first.

    `behind`: how many commits each of the next answers lacks that do not wait for them.
    """

    def __init__(self, log: MemoryLog, door: Door) -> None:
        self._log = log
        self._door = door
        self.asked: list[SearchRequest] = []
        self.behind: list[int] = []

    async def search(self, asked: SearchRequest) -> SearchPage:
        self.asked.append(asked)
        what, start, size = asked.what, asked.start, asked.size
        pieces = [_PIECE.fullmatch(piece) for piece in asked.query.split(" AND ") if piece]
        if None in pieces:
            raise Refusal("INVALID", f"Incorrectly formatted query string: {asked.query}")
        end = await self._log.end()
        lag = self.behind.pop(0) if self.behind and not asked.wait_s else 0
        found = [
            hit
            for hit in await self._all(what, end - lag)
            if all(_holds(hit, *piece.groups()) for piece in pieces if piece)
            if asked.within is None
            or any(matches(pattern, hit["workflowType"]) for pattern in asked.within)
        ]
        page = [msgspec.Raw(msgspec.json.encode(hit)) for hit in found[start : start + size]]
        return SearchPage(total_hits=len(found), results=page, position=end - lag, lag=lag)

    async def _all(self, what: str, upto: int) -> list[dict[str, Any]]:
        found: list[Any] = []
        async for batch in self._log.follow(after=0) if upto else _nothing():
            for record in batch:
                started = isinstance(record.commit.events[0], WorkflowStarted)
                if started and record.position <= upto:
                    state = await self._door.read(record.workflow_id)
                    rows = [task_summary(state, row) for row in state.rows()]
                    found += [workflow_summary(state)] if what == "workflows" else rows
            break
        return [msgspec.to_builtins(hit) for hit in found]


_PIECE = re.compile(r"(\w+)\s*(>=|<=|=|IN)\s*(.+)")


async def _nothing() -> AsyncIterator[list[Record]]:
    return
    yield


def _holds(hit: dict[str, Any], field: str, operator: str, value: str) -> bool:
    wanted = [part.strip().strip('"') for part in value.strip("()").split(",")]
    if operator in ("=", "IN"):
        return str(hit.get(field, "")) in wanted
    at_ms = datetime.fromisoformat(hit[field]).timestamp() * 1000
    return at_ms >= float(value) if operator == ">=" else at_ms <= float(value)


class World:
    """`beside` another world it is a second process over the same log and definitions."""

    def __init__(self, beside: "World | None" = None) -> None:
        self.clock = FixedClock() if beside is None else beside.clock
        self.log = MemoryLog() if beside is None else beside.log
        self.definitions = (
            MemoryDefinitions(self.clock, self.log.blobs) if beside is None else beside.definitions
        )
        self.rejections = MemoryRejections()
        self.decider = Decider(
            log=self.log,
            definitions=self.definitions,
            scripts=NoScripts(),
            clock=self.clock,
            rejections=self.rejections,
        )
        self.door = Door(self.decider)
        self.queues = LogQueues(self.log, self.decider)
        self.search = LogSearch(self.log, self.door)
        self.keys = MemoryKeyStore()
        self.uploads = MemoryUploads()
        self.polls = PollTable()
        self.schedules = memory_schedules(self.clock)
        self.troubles: list[str] = []
        self.elsewhere: list[str] = []
        self.metrics = b"firmus_commits_total 3\n"

    def ports(self, **changed: Any) -> GatewayPorts:
        given: dict[str, Any] = {
            "decider": self.door,
            "watches": self.decider,
            "queues": self.queues,
            "definitions": self.definitions,
            "search": self.search,
            "clock": self.clock,
            "starts": Starts(self.door, self.keys),
            "payloads": self.uploads,
            "polls": self.polls,
            "schedules": self.schedules,
            "metrics": lambda: self.metrics,
            "troubles": lambda: self.troubles,
            "elsewhere": lambda: self.elsewhere,
            "instance": "here",
            **changed,
        }
        return GatewayPorts(**given)
