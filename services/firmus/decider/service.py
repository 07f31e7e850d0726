"""The decider: the only writer of the log. Loads a workflow, decides, appends, then answers.

Commands of one workflow are decided in turn; those that arrive while its commit is in flight go
into the next commit together. Different workflows run side by side, their appends pipelined.
"""

import asyncio
from collections.abc import Mapping

import structlog

from firmus.broker.rejections import Rejections
from firmus.decider.committing import (
    Answering,
    Decided,
    commit_of,
    continuation_of,
    end_of_too_large,
    rejection_of,
)
from firmus.decider.context import Limits, ToCache, nobody_polled
from firmus.decider.slots import Slot, Slots, Waiting, answer, answer_all, fail_all, still_open
from firmus.decider.surroundings import Surroundings
from firmus.decider.watching import Watches
from firmus.eventlog.history import load_state
from firmus.eventlog.port import AppendConflict, CommitTooLarge, EventLog, LogUnavailable
from firmus.ports import (
    CachePort,
    Clock,
    DefinitionsPort,
    ScriptsPort,
    SlotsPort,
    Unavailable,
    Watch,
)
from firmus.telemetry import TRACING
from firmus.workflow.domains import LastPoll
from firmus.workflow.evolve import answered
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.envelope import Record

_log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 20
FRESH_WITHIN_MS = 1_000


class UnreadableHistory(Exception):
    """The workflow's log cannot be folded by this build; it stops here, loudly."""


class Counters:
    """What the decider has done since it started; read by metrics."""

    def __init__(self) -> None:
        self.commands = 0
        self.commits = 0
        self.events = 0
        self.conflicts = 0
        self.rejections = 0
        self.splits = 0


class Decider:
    """Implements `ports.DeciderPort` and `ports.WatchPort` for the process that it runs in."""

    def __init__(
        self,
        *,
        log: EventLog,
        definitions: DefinitionsPort,
        scripts: ScriptsPort,
        clock: Clock,
        rejections: Rejections,
        last_poll: LastPoll = nobody_polled,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        cache: CachePort | None = None,
        slots: SlotsPort | None = None,
        cached_max: int = 20_000,
    ) -> None:
        self.counters = Counters()
        self._log = log
        self._limits = limits or Limits()
        self._surroundings = Surroundings(
            definitions=definitions,
            scripts=scripts,
            last_poll=last_poll,
            environment=environment or {},
            secrets=secrets or {},
            limits=self._limits,
            cache=cache,
            slots=slots,
        )
        self._cache = cache
        self._clock = clock
        self._rejections = rejections
        self._answering = Answering(definitions, secrets or {}, environment or {})
        self._slots = Slots(cached_max)
        self.watches = Watches()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- DeciderPort ---

    async def submit(self, command: cmd.Command) -> cmd.Answer:
        self.counters.commands += 1
        slot = self._slots.of(command.workflow_id)
        future = slot.add(command)
        if not slot.running:
            slot.running = True
            task = asyncio.create_task(self._run(command.workflow_id, slot))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def read(self, workflow_id: str) -> WorkflowState | None:
        known = self._slots.known(workflow_id)
        if known is not None:
            return known
        try:
            return (await load_state(self._log, workflow_id)).state
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem

    async def history(self, workflow_id: str) -> list[Record]:
        try:
            return await self._log.read(workflow_id)
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem

    # --- WatchPort ---

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        told = self.watches.add(watch.workflow_id, watch.refs)
        try:
            state = await self.read(watch.workflow_id)
            if (state.version if state else 0) != watch.seen:
                return True
            async with asyncio.timeout(timeout_s):
                await told
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self.watches.remove(watch.workflow_id, told)

    @property
    def decide_ns(self) -> int:
        """Time spent in pure decisions since the start, nanoseconds."""
        return self._surroundings.decide_ns

    async def drain(self) -> None:
        """Waits until every accepted command has been answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- the loop of one workflow ---

    async def _run(self, workflow_id: str, slot: Slot) -> None:
        attempts = 0
        try:
            while slot.queue:
                batch, slot.queue = slot.queue, []
                try:
                    if not slot.loaded:
                        await self._load(workflow_id, slot, batch[0][0])
                    rest = await self._decide_and_commit(slot, batch)
                    slot.queue = [*rest, *slot.queue]
                    attempts = 0
                except AppendConflict:
                    self.counters.conflicts += 1
                    self.watches.written_by_others(workflow_id)
                    slot.loaded = False
                    attempts += 1
                    if attempts > ATTEMPTS_MAX:
                        fail_all(batch, Unavailable("others keep writing to this workflow"))
                    else:
                        slot.queue = [*still_open(batch), *slot.queue]
                except (LogUnavailable, Unavailable) as problem:
                    slot.loaded = False
                    fail_all(batch, Unavailable(str(problem)))
                except UnreadableHistory as problem:
                    slot.loaded = False
                    answer_all(batch, cmd.Rejected(code="UNREADABLE_LOG", message=str(problem)))
                except CommitTooLarge as problem:
                    slot.loaded = False
                    answer_all(batch, cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=str(problem)))
                    if slot.state is not None and not slot.state.status.terminal:
                        slot.add(end_of_too_large(slot.state, str(problem)))
                except Exception as problem:  # noqa: BLE001 - one workflow must not stop the others
                    slot.loaded = False
                    _log.exception("decider.failed", workflow_id=workflow_id)
                    answer_all(batch, cmd.Rejected(code="INTERNAL", message=repr(problem)))
        finally:
            slot.running = False

    async def _load(self, workflow_id: str, slot: Slot, first: cmd.Command) -> None:
        """A start under an id born just now is tried without reading; should the workflow exist
        after all, the append's expectation fails and the next time is read.
        """
        slot.loaded = True
        if slot.untried and isinstance(first, cmd.StartWorkflow):
            slot.untried = False
            if abs(self._clock.now_ms() - ids.born_ms(workflow_id)) < FRESH_WITHIN_MS:
                return
        try:
            loaded = await load_state(self._log, workflow_id)
        except ValueError as problem:
            raise UnreadableHistory(str(problem)) from problem
        slot.state, slot.position, slot.digest = loaded.state, loaded.position, loaded.digest

    async def _decide_and_commit(self, slot: Slot, batch: list[Waiting]) -> list[Waiting]:
        """Decides a batch and commits it once. Returns the commands left for the next commit."""
        decided: list[Decided] = []
        state = slot.state
        now_ms = self._clock.now_ms()
        rest: list[Waiting] = []
        repeated: list[tuple[str, asyncio.Future[cmd.Answer]]] = []
        answers: dict[str, cmd.Answer | None] = {}
        size = 0
        for index, (command, future) in enumerate(batch):
            if command.command_id in answers:  # the sender asked again before we were done
                repeated.append((command.command_id, future))
                continue
            if size >= self._limits.events_max:
                rest = batch[index:]
                break
            outcome = await self._surroundings.outcome(state, command, now_ms, alone=not decided)
            if outcome is None:
                rest = batch[index:]
                break
            if isinstance(outcome, cmd.Rejected):
                self._rejected(command, outcome.code, outcome.message, now_ms)
                answer(future, outcome)
                answers[command.command_id] = outcome
                continue
            answers[command.command_id] = None
            state = outcome.state
            size += len(outcome.events)
            decided.append(Decided(command=command, future=future, decision=outcome))
        if size:
            await self._commit(slot, decided, now_ms)
        for one in decided:
            given = answers[one.command.command_id] = await self._accepted(slot, one, now_ms)
            answer(one.future, given)
        for command_id, future in repeated:
            given_before = answers[command_id]
            if given_before is not None:
                answer(future, given_before)
        return rest

    async def _commit(self, slot: Slot, decided: list[Decided], now_ms: int) -> None:
        trace = None
        if TRACING.enabled and slot.state is None and decided[0].command.trace is None:
            trace = TRACING.start("start workflow")
        commit = commit_of(decided, slot.state, previous=slot.digest, now_ms=now_ms, trace=trace)
        appended = await self._log.append(commit, expected=slot.position)
        slot.position, slot.digest = appended.position, appended.digest
        slot.state = answered(decided[-1].decision.state, commit)
        self.counters.commits += 1
        self.counters.events += len(commit.events)
        if self.watches:
            self.watches.committed(commit, slot.state)
        for one in decided:
            for output in one.decision.to_cache:
                self._fill_cache(output)
        if TRACING.enabled:
            TRACING.committed(commit, slot.state)
        if slot.state.split:
            self.counters.splits += 1
            slot.add(continuation_of(slot.state), first=True)

    def _fill_cache(self, output: ToCache) -> None:
        """Nobody waits for it, and nothing depends on it."""
        if self._cache is not None:
            put = self._cache.put(output.key, output.entry, output.ttl_s)
            task: asyncio.Task[None] = asyncio.create_task(put)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _accepted(self, slot: Slot, one: Decided, now_ms: int) -> cmd.Answer:
        if one.decision.ignored is not None:
            self._rejected(one.command, "LATE", one.decision.ignored, now_ms)
        return await self._answering.accepted(slot.state or one.decision.state, one, now_ms)

    def _rejected(self, command: cmd.Command, code: str, message: str, now_ms: int) -> None:
        self.counters.rejections += 1
        refused = rejection_of(command, code, message, now_ms)
        self._rejections.record(command.workflow_id, refused)
