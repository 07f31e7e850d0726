"""The world of a rehearsal: workflows in memory, decided by the real rules, on a clock of its own.

What needs something from outside is a generator of steps: it yields what it wants to know and is
sent the answer, so the same code runs under asyncio and in a plain function. It yields None after
every decision, where whoever drives it may look at the clock on the wall.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import msgspec

from firmus.decider.context import Answers, Context, Decision, Limits, SlotNeed, Wanted
from firmus.decider.decide import Needs, Outcome, decide, resume
from firmus.ports import Cached
from firmus.scheduler.fold import Fold
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import answered
from firmus.workflow.slots import Entry
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.envelope import Cause, Commit, Record
from firmus_contracts.errors import no_workflow

T = TypeVar("T")

Asked = cmd.StartWorkflow | Wanted | None
"""What is wanted: the definition that a start runs, answers for a decision, or nothing."""

Told = Blueprint | cmd.Rejected | Answers | None

Steps = Generator[Asked, Told, T]

Outcomes = Decision | cmd.Rejected

_ENCODER = msgspec.json.Encoder()


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a rehearsal may do before it is given up."""

    decisions_max: int = 20_000
    events_max: int = 100_000
    bytes_max: int = 64 * 1024 * 1024


class TooMuch(Exception):
    """The rehearsal went beyond its bounds; the message says which, and what it was busy with."""


class World:
    """All workflows of one rehearsal. `commits` in the order in which they happened; `watch`, if
    given, is called with each. `blueprints`: definitions by hash.
    """

    def __init__(
        self,
        *,
        now_ms: int,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.now_ms = now_ms
        self.states: dict[str, WorkflowState] = {}
        self.blueprints: dict[str, Blueprint] = {}
        self.fold = Fold(1, (0,))
        self.commits: list[Commit] = []
        self._environment = environment or {}
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self.watch: Callable[[Commit], None] | None = None
        self._cache: dict[str, tuple[Cached, int]] = {}
        self._decisions = 0
        self._events = 0
        self._bytes = 0
        self._count = 0

    def command_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def row(self, task_id: str) -> TaskState | None:
        """The task of that id as it is now; None when there is none."""
        state = self.states.get(ids.workflow_of(task_id))
        return None if state is None else state.tasks.get(ids.ordinal_of(task_id))

    def blueprint_of(self, state: WorkflowState) -> Blueprint:
        return self.blueprints[state.definition_hash]

    def advance_to(self, at_ms: int) -> None:
        """Time never goes back: an earlier moment changes nothing."""
        self.now_ms = max(self.now_ms, at_ms)

    def send(self, command: cmd.Command) -> Steps[Outcomes]:
        """Decides a command and keeps what happens. Raises TooMuch."""
        state = self.states.get(command.workflow_id)
        if state is not None:
            blueprint = self.blueprint_of(state)
        else:
            told = (yield command) if isinstance(command, cmd.StartWorkflow) else _unknown(command)
            if isinstance(told, cmd.Rejected):
                return told
            assert isinstance(told, Blueprint)
            blueprint = self.blueprints[told.sha256] = told
        context = Context(
            now_ms=self.now_ms,
            entropy=f"{command.workflow_id}:{command.command_id}",
            blueprint=blueprint,
            environment=self._environment,
            limits=self._limits,
        )
        outcome: Outcome = decide(state, command, context)
        while isinstance(outcome, Needs):
            told = yield outcome.wanted
            assert isinstance(told, Answers)
            told.cache.update({key: self._cached(key) for key in outcome.wanted.cache_keys})
            told.slot = None if outcome.wanted.slot is None else self._entry(outcome.wanted.slot)
            outcome = resume(outcome, told)
        if isinstance(outcome, Decision):
            self._decisions += 1
            if outcome.events:
                self._keep(command, outcome)
            self._stay_within_bounds(outcome.state)
        yield None
        return outcome

    def _keep(self, command: cmd.Command, decision: Decision) -> None:
        state = self.states.get(command.workflow_id)
        commit = Commit(
            commit_id=f"{len(self.commits) + 1}",
            workflow_id=command.workflow_id,
            first_version=state.version + 1 if state else 1,
            time_ms=self.now_ms,
            events=decision.events,
            causes=(
                Cause(
                    command_id=command.command_id, kind=cmd.kind_of(command), actor=command.actor
                ),
            ),
        )
        self._events += len(decision.events)
        self._bytes += len(_ENCODER.encode(decision.events))
        self.states[command.workflow_id] = answered(decision.state, commit)
        self.commits.append(commit)
        for one in decision.to_cache:
            self._cache[one.key] = (one.entry, self.now_ms + one.ttl_s * 1000)
        position = len(self.commits)
        self.fold.apply(
            Record(position=position, workflow_id=command.workflow_id, digest="", body=commit)
        )
        if self.watch is not None:
            self.watch(commit)

    def _entry(self, need: SlotNeed) -> Entry:
        """Whether a workflow that shares a limit with others of this world may begin."""
        line = self.fold.lines.by_gate.get(need.gate)
        if line is None or len(line.running) < need.slots:
            return Entry.HOLDS
        return Entry.WAITS if need.queue else Entry.REFUSED

    def _cached(self, key: str) -> Cached | None:
        found = self._cache.get(key)
        return None if found is None or found[1] <= self.now_ms else found[0]

    def _stay_within_bounds(self, state: WorkflowState) -> None:
        bounds = self._bounds
        for count, limit, what in (
            (self._decisions, bounds.decisions_max, "decisions"),
            (self._events, bounds.events_max, "events"),
            (self._bytes, bounds.bytes_max, "bytes of data"),
        ):
            if count >= limit:
                raise TooMuch(f"stopped after {limit} {what}{busy_with(state)}")


def busy_with(state: WorkflowState) -> str:
    """Where a workflow is that comes to no end: its loop that has turned most."""
    loops = [
        (row.iteration, row.ref)
        for row in state.tasks.values()
        if row.made.task_type in {"DO_WHILE", "FOR_EACH"} and not row.status.terminal
    ]
    what = f": {state.name} is {state.status}"
    if loops:
        turn, ref = max(loops)
        what += f", its loop {ref} is in turn {turn}"
    return what


def _unknown(command: Any) -> cmd.Rejected:
    return cmd.Rejected(code="NOT_FOUND", message=no_workflow(command.workflow_id))
