"""A plan: the rows that come into being together when one task is reached (spec 3.5).

Nothing of a plan is seen unless all of it can be made: an operator that needs an answer or fails
leaves no trace of the rows planned before it.
"""

from typing import Any

import msgspec

from firmus.decider import caching, inputs
from firmus.decider.turn import Turn
from firmus.workflow.document import Document, Place
from firmus.workflow.domains import choose_domain
from firmus.workflow.isolation import isolated_queue
from firmus.workflow.limits import limits_of
from firmus.workflow.secrets import handed_on, named_by
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus


class Instead(msgspec.Struct, frozen=True, kw_only=True):
    """The first row of a plan takes the place of the row `old`: under its id (`in_place`), or as
    its next attempt. `input` is the one to take, if it was given.
    """

    old: TaskState
    in_place: bool
    input: dict[str, Any] | None = None


class Plan:
    """`suffix` and `iteration` are those of the loop pass that the rows belong to, if any; `within`
    is the ordinal of the innermost loop or block around them. `instead`: the plan begins with a row
    that was there before.
    """

    __slots__ = (
        "failures",
        "instead",
        "iteration",
        "next_ordinal",
        "next_seq",
        "refs",
        "rows",
        "suffix",
        "turn",
        "within",
    )

    def __init__(
        self,
        turn: Turn,
        *,
        suffix: str = "",
        iteration: int = 0,
        within: int | None = None,
        instead: Instead | None = None,
    ) -> None:
        self.turn = turn
        self.within = within
        self.suffix = suffix
        self.iteration = iteration
        self.rows: list[ev.TaskScheduled] = []
        self.refs: set[str] = set()  # of the rows planned so far
        self.failures: list[ev.TaskFailed] = []  # rows that are born and fail in the same step
        self.next_ordinal = turn.state.next_ordinal
        self.next_seq = turn.state.next_seq
        self.instead = instead
        if instead is not None and instead.in_place:
            self.next_ordinal, self.next_seq = instead.old.ordinal, instead.old.made.seq

    def ref_of(self, task: WorkflowTask) -> str:
        return f"{task.task_reference_name}{self.suffix}"

    def exists(self, ref: str) -> bool:
        """A row of that reference exists already; it is never made twice (spec 3.3.4)."""
        if self._first is not None and self._first.old.ref == ref:
            return False
        return ref in self.turn.state.latest or ref in self.refs

    @property
    def _first(self) -> Instead | None:
        """The row that was there before, as long as nothing is planned in its place."""
        return None if self.rows else self.instead

    def scope(self, *, of_task: bool = True) -> Document:
        """What expressions of the next row see; `of_task`: `${CPEWF_TASK_ID}` has a value."""
        state = self.turn.state
        within = self.within
        return inputs.document(
            state,
            self.turn.context.environment,
            task_id=state.task_id(self.next_ordinal) if of_task else None,
            place=None if within is None else Place(within, self.iteration, self.suffix),
        )

    def input_of(self, task: WorkflowTask, *, with_template: bool) -> dict[str, Any]:
        """The resolved input; `with_template`: the task definition's defaults count (spec 2.5)."""
        if self._first is not None and self._first.input is not None:
            return dict(self._first.input)
        task_def = task.task_definition if with_template else None
        scope = self.scope(of_task=task.type not in inputs.WITHOUT_TASK_ID)
        return inputs.resolved_input(self.turn.context.blueprint, task, task_def, scope)

    def resolved(self, key: str, value: Any, scope: Document) -> Any:
        """Any other template of the task that is reached; `key` names where it stands."""
        return inputs.resolved(self.turn.context.blueprint, key, value, scope)

    def add(
        self,
        task: WorkflowTask,
        *,
        task_type: str,
        status: TaskStatus,
        task_def_name: str | None = None,
        task_def: TaskDef | None = None,
        queued: bool = False,
        lease_s: int = 0,
        **fields: Any,
    ) -> int:
        """Plans one row and returns its ordinal. `lease_s` is the response timeout of a row whose
        definition has none.
        """
        definition = task_def or task.task_definition
        if "node" not in fields and self.suffix:
            fields["node"] = task.task_reference_name
        fields.setdefault("priority", self.turn.state.priority)
        if queued and task.cache_config is not None:
            fields["cache"] = caching.slot(
                self.turn.context.blueprint, task, fields.get("input", {}), self.scope()
            )
        first = self._first
        if first is not None:
            fields |= _succeeding(first)
        row = ev.TaskScheduled(
            ordinal=self.next_ordinal,
            seq=self.next_seq,
            ref=self.ref_of(task),
            task_type=task_type,
            status=status,
            task_def_name=task_def_name or task.name,
            iteration=self.iteration,
            within=self.within,
            timeouts=(
                None if status.terminal else timeouts_of(definition, queued=queued, lease_s=lease_s)
            ),
            queued=queued,
            queue=isolated_queue(task_type, definition) if queued else None,
            limits=limits_of(definition) if queued or "child_id" in fields else None,
            **fields,
        )
        self.rows.append(row)
        self.refs.add(row.ref)
        if first is not None and first.in_place:
            self.next_ordinal = self.turn.state.next_ordinal
            self.next_seq = self.turn.state.next_seq
        else:
            self.next_ordinal += 1
            self.next_seq += 1
        return row.ordinal

    def secrets_handed_on(self, task: WorkflowTask, given: Any) -> tuple[str, ...]:
        """The names of the secrets that a task hands on in what it starts a workflow with."""
        names = self._secrets_named(task)
        return handed_on(given, names.union(self.turn.state.secrets))

    def _secrets_named(self, task: WorkflowTask) -> frozenset[str]:
        return named_by(self.turn.context.blueprint, task.task_reference_name or "")

    def make(self) -> None:
        """Emits the planned rows; those whose output is in the cache complete at once."""
        fresh = range(self.turn.state.next_ordinal, self.next_ordinal)
        keys = [row.cache.key for row in self.rows if row.cache is not None]
        cached = self.turn.cached(keys) if keys else {}
        for row in self.rows:
            self.turn.emit(row if row.ordinal in fresh else reopening_of(row))
            found = cached.get(row.cache.key) if row.cache is not None else None
            if found is not None and not self.turn.state.tasks[row.ordinal].status.terminal:
                self.turn.emit(
                    ev.TaskCompleted(
                        ordinal=row.ordinal, output=found.output, cached_from=found.task_id
                    )
                )
        for failure in self.failures:
            self.turn.emit(failure)


def reopening_of(made: ev.TaskScheduled, **fields: Any) -> ev.TaskReopened:
    """The event by which a row that was there is open again as `made` says."""
    row = msgspec.structs.replace(made, input={}, output={})
    return ev.TaskReopened(
        ordinal=made.ordinal, row=row, input=made.input, output=made.output, **fields
    )


def _succeeding(first: Instead) -> dict[str, Any]:
    old = first.old
    if first.in_place:
        return {"retry_count": old.made.retry_count, "retried": old.made.retried}
    return {"retry_count": old.made.retry_count + 1, "retried": old.ordinal}


def timeouts_of(task_def: TaskDef | None, *, queued: bool, lease_s: int = 0) -> ev.Timeouts | None:
    """The limits that can end an open row (spec 4.3); ALERT_ONLY ones never do.

    Only rows that workers hold have a response timeout: operators answer to nobody.
    """
    if task_def is None:
        return ev.Timeouts(response_s=lease_s) if lease_s else None
    acts = task_def.timeout_policy != "ALERT_ONLY"
    timeouts = ev.Timeouts(
        response_s=(task_def.response_timeout_seconds or lease_s) if queued else 0,
        task_s=max(task_def.timeout_seconds, 0) if acts else 0,
        poll_s=(task_def.poll_timeout_seconds or 0) if acts and queued else 0,
        total_s=max(task_def.total_timeout_seconds, 0) if acts else 0,
    )
    return timeouts if timeouts != _NO_TIMEOUTS else None


_NO_TIMEOUTS = ev.Timeouts()


def domain_for(turn: Turn, task_type: str) -> str | None:
    """The domain of a worker's row, chosen when the row is made (spec 4.10)."""
    state, context = turn.state, turn.context
    if not state.task_to_domain:
        return None
    return choose_domain(task_type, state.task_to_domain, context.last_poll, context.now_ms)
