"""The decider: the only writer of the log. Loads a workflow, decides, appends, then answers.

Commands of one workflow are decided in turn; those that arrive while its commit is in flight go
into the next commit together. Different workflows run side by side, their appends pipelined.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from random import Random, SystemRandom

import msgspec
import structlog

from firmus.broker.rejections import Rejection, Rejections
from firmus.decider.context import Answers, Context, Decision, Limits, Wanted, nobody_polled
from firmus.decider.decide import Needs, Outcome, decide, resume
from firmus.definitions.children import refuse_child
from firmus.eventlog.history import load_state
from firmus.eventlog.port import AppendConflict, CommitTooLarge, EventLog, LogUnavailable
from firmus.ports import Clock, DefinitionsPort, ScriptsPort, Unavailable
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.domains import LastPoll
from firmus.workflow.evolve import answered
from firmus.workflow.rest_view import task_view
from firmus.workflow.secrets import bind, named_by
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.envelope import Cause, Commit, Record
from firmus_contracts.errors import Refusal

_log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 20
FRESH_WITHIN_MS = 1_000
_encode = msgspec.json.encode
_COMMIT_IDS = Random(SystemRandom().getrandbits(256))  # noqa: S311 - unique, not secret; no system call each

Waiting = tuple[cmd.Command, asyncio.Future[cmd.Answer]]


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
        self.decide_ns = 0
        self.splits = 0


class _Slot:
    """One workflow in memory: its committed state, and the commands that wait for it."""

    __slots__ = ("digest", "loaded", "position", "queue", "running", "state", "untried")

    def __init__(self) -> None:
        self.state: WorkflowState | None = None
        self.position = 0
        self.digest = ""
        self.loaded = False
        self.untried = True
        self.running = False
        self.queue: list[Waiting] = []


class _Decided(msgspec.Struct):
    """A command decided but not committed yet."""

    command: cmd.Command
    future: asyncio.Future[cmd.Answer]
    decision: Decision


class Decider:
    """Implements `ports.DeciderPort` for the process that it runs in."""

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
        cached_max: int = 20_000,
    ) -> None:
        self.counters = Counters()
        self._log = log
        self._definitions = definitions
        self._scripts = scripts
        self._clock = clock
        self._rejections = rejections
        self._last_poll = last_poll
        self._environment = environment or {}
        self._secrets = secrets or {}
        self._limits = limits or Limits()
        self._cached_max = cached_max
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- DeciderPort ---

    async def submit(self, command: cmd.Command) -> cmd.Answer:
        self.counters.commands += 1
        slot = self._slot(command.workflow_id)
        future: asyncio.Future[cmd.Answer] = asyncio.get_running_loop().create_future()
        slot.queue.append((command, future))
        if not slot.running:
            slot.running = True
            task = asyncio.create_task(self._run(command.workflow_id, slot))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def read(self, workflow_id: str) -> WorkflowState | None:
        slot = self._slots.get(workflow_id)
        if slot is not None and slot.loaded and slot.state is not None:
            return slot.state
        try:
            loaded = await load_state(self._log, workflow_id)
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem
        return loaded.state

    async def history(self, workflow_id: str) -> list[Record]:
        try:
            return await self._log.read(workflow_id)
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem

    async def drain(self) -> None:
        """Waits until every accepted command has been answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- the loop of one workflow ---

    def _slot(self, workflow_id: str) -> _Slot:
        slot = self._slots.get(workflow_id)
        if slot is None:
            slot = self._slots[workflow_id] = _Slot()
            self._evict()
        else:
            self._slots.move_to_end(workflow_id)
        return slot

    def _evict(self) -> None:
        """Forgets the longest unused workflows; a busy one is looked at again later."""
        for _ in range(len(self._slots) - self._cached_max):
            workflow_id, slot = next(iter(self._slots.items()))
            if slot.running:
                self._slots.move_to_end(workflow_id)
                return
            del self._slots[workflow_id]

    async def _run(self, workflow_id: str, slot: _Slot) -> None:
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
                    slot.loaded = False
                    attempts += 1
                    if attempts > ATTEMPTS_MAX:
                        _fail(batch, Unavailable("others keep writing to this workflow"))
                    else:
                        slot.queue = [*_open(batch), *slot.queue]
                except (LogUnavailable, Unavailable) as problem:
                    slot.loaded = False
                    _fail(batch, Unavailable(str(problem)))
                except UnreadableHistory as problem:
                    slot.loaded = False
                    _answer_all(batch, cmd.Rejected(code="UNREADABLE_LOG", message=str(problem)))
                except CommitTooLarge as problem:
                    slot.loaded = False
                    _answer_all(batch, cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=str(problem)))
                except Exception as problem:  # noqa: BLE001 - one workflow must not stop the others
                    slot.loaded = False
                    _log.exception("decider.failed", workflow_id=workflow_id)
                    _answer_all(batch, cmd.Rejected(code="INTERNAL", message=repr(problem)))
        finally:
            slot.running = False

    async def _load(self, workflow_id: str, slot: _Slot, first: cmd.Command) -> None:
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

    async def _decide_and_commit(self, slot: _Slot, batch: list[Waiting]) -> list[Waiting]:
        """Decides a batch and commits it once. Returns the commands left for the next commit."""
        decided: list[_Decided] = []
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
            outcome = await self._outcome(state, command, now_ms, alone=not decided)
            if outcome is None:
                rest = batch[index:]
                break
            if isinstance(outcome, cmd.Rejected):
                self._rejected(command, outcome.code, outcome.message, now_ms)
                _answer(future, outcome)
                answers[command.command_id] = outcome
                continue
            answers[command.command_id] = None
            state = outcome.state
            size += len(outcome.events)
            decided.append(_Decided(command=command, future=future, decision=outcome))
        if size:
            await self._commit(slot, decided, now_ms)
        for one in decided:
            answer = answers[one.command.command_id] = await self._accepted(slot, one, now_ms)
            _answer(one.future, answer)
        for command_id, future in repeated:
            answer_given = answers[command_id]
            if answer_given is not None:
                _answer(future, answer_given)
        return rest

    async def _outcome(
        self, state: WorkflowState | None, command: cmd.Command, now_ms: int, *, alone: bool
    ) -> Decision | cmd.Rejected | None:
        """A decision, its needs met. None: it needs something while others wait for their commit;
        those go first.
        """
        try:
            blueprint = await self._blueprint(state, command)
        except Refusal as refusal:
            return cmd.Rejected(code=refusal.code, message=refusal.message)
        if blueprint is None:
            return _unknown(command)
        context = Context(
            now_ms=now_ms,
            entropy=f"{command.workflow_id}:{command.command_id}",
            blueprint=blueprint,
            last_poll=self._last_poll,
            environment=self._environment,
            limits=self._limits,
        )
        began_ns = time.perf_counter_ns()
        outcome: Outcome = decide(state, command, context)
        self.counters.decide_ns += time.perf_counter_ns() - began_ns
        while isinstance(outcome, Needs):
            if not alone:
                return None
            answers = await self._obtain(outcome.wanted)
            began_ns = time.perf_counter_ns()
            outcome = resume(outcome, answers)
            self.counters.decide_ns += time.perf_counter_ns() - began_ns
        return outcome

    async def _blueprint(
        self, state: WorkflowState | None, command: cmd.Command
    ) -> Blueprint | None:
        if state is not None:
            return await self._definitions.pinned(state.definition_hash)
        if not isinstance(command, cmd.StartWorkflow):
            return None
        if bytes(command.definition):
            definition = decode_workflow_def(bytes(command.definition))
            if command.parent_task_id is not None:
                refuse_child(definition)
            return (await self._definitions.pin_inline(definition)).blueprint
        pinned = await self._definitions.pin(command.name, command.version)
        return pinned.blueprint if pinned else None

    async def _obtain(self, wanted: Wanted) -> Answers:
        """Runs scripts and looks definitions up, all at once."""
        scripts = asyncio.gather(
            *(
                self._scripts.run(need.evaluator, need.expression, need.scope)
                for need in wanted.scripts
            )
        )
        task_defs = asyncio.gather(*(self._definitions.task(name) for name in wanted.task_defs))
        known = asyncio.gather(
            *(self._definitions.workflow(name, version) for name, version in wanted.definitions)
        )
        results = await asyncio.gather(scripts, task_defs, known)
        return Answers(
            scripts={n.key: r for n, r in zip(wanted.scripts, results[0], strict=True)},
            task_defs=dict(zip(wanted.task_defs, results[1], strict=True)),
            definitions={
                key: found is not None
                for key, found in zip(wanted.definitions, results[2], strict=True)
            },
        )

    async def _commit(self, slot: _Slot, decided: list[_Decided], now_ms: int) -> None:
        events = tuple(event for one in decided for event in one.decision.events)
        first = decided[0].command
        commit = Commit(
            commit_id=f"{_COMMIT_IDS.getrandbits(64):016x}",
            workflow_id=first.workflow_id,
            first_version=slot.state.version + 1 if slot.state else 1,
            time_ms=now_ms,
            events=events,
            causes=tuple(
                Cause(
                    command_id=one.command.command_id,
                    kind=cmd.kind_of(one.command),
                    actor=one.command.actor,
                    events=len(one.decision.events),
                )
                for one in decided
                if one.decision.events
            ),
            previous=slot.digest,
            trace=first.trace or (slot.state.trace if slot.state else None),
        )
        appended = await self._log.append(commit, expected=slot.position)
        slot.position, slot.digest = appended.position, appended.digest
        slot.state = answered(decided[-1].decision.state, commit)
        self.counters.commits += 1
        self.counters.events += len(events)
        if slot.state.split:
            self._continue(slot.state)

    def _continue(self, state: WorkflowState) -> None:
        """Goes on with a split decision; the scheduler asks too, under the same command id."""
        self.counters.splits += 1
        command = cmd.Continue(
            command_id=f"{state.workflow_id}/{state.version}/continue",
            workflow_id=state.workflow_id,
            actor="decider",
        )
        slot = self._slot(state.workflow_id)
        future: asyncio.Future[cmd.Answer] = asyncio.get_running_loop().create_future()
        slot.queue.insert(0, (command, future))

    async def _accepted(self, slot: _Slot, one: _Decided, now_ms: int) -> cmd.Answer:
        state, decision = slot.state, one.decision
        if state is None:
            state = decision.state
        result = b"null"
        if decision.updated is not None:
            result = _encode(decision.updated)
            if decision.ignored is not None:
                self._rejected(one.command, "LATE", decision.ignored, now_ms)
        elif decision.begun is not None:
            blueprint = await self._definitions.pinned(state.definition_hash)
            row = state.tasks[decision.begun]
            task = task_view(state, row, blueprint, now_ms=now_ms)
            names = named_by(blueprint, row.made.node or row.ref)
            if names and row.made.forked_by is None:
                bound = bind(row.input, names, self._secrets)
                task = msgspec.structs.replace(task, input_data=bound)
            result = _encode(task)
        return cmd.Accepted(
            workflow_id=one.command.workflow_id,
            version=state.version,
            result=msgspec.Raw(result),
        )

    def _rejected(self, command: cmd.Command, code: str, message: str, now_ms: int) -> None:
        self.counters.rejections += 1
        rejection = Rejection(
            command_id=command.command_id,
            kind=cmd.kind_of(command),
            code=code,
            message=message,
            time_ms=now_ms,
            actor=command.actor,
        )
        self._rejections.record(command.workflow_id, rejection)


def _unknown(command: cmd.Command) -> cmd.Rejected:
    if isinstance(command, cmd.StartWorkflow):
        message = f"No such workflow defined. name={command.name}, version={command.version}"
        return cmd.Rejected(code="NOT_FOUND", message=message)
    message = f"No such workflow found by id: {command.workflow_id}"
    return cmd.Rejected(code="NOT_FOUND", message=message)


def _open(batch: Sequence[Waiting]) -> list[Waiting]:
    """Those that nobody has answered yet: a refused command is never decided a second time."""
    return [one for one in batch if not one[1].done()]


def _answer(future: asyncio.Future[cmd.Answer], answer: cmd.Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _answer_all(batch: Sequence[Waiting], answer: cmd.Answer) -> None:
    for _, future in batch:
        _answer(future, answer)


def _fail(batch: Sequence[Waiting], problem: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(problem)
