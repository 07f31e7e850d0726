"""The next attempt of a failed row: whether there is one, and its shape (spec 4.1, 4.2)."""

import hashlib
from typing import Any

import msgspec

from firmus.decider import caching, failing, inputs
from firmus.decider.operators.fork_inputs import branch_template, own_input
from firmus.decider.operators.registry import operator_for
from firmus.decider.plan import domain_for
from firmus.decider.turn import Turn
from firmus.workflow import retries
from firmus.workflow.expressions import compile_template, task_input
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus, WorkflowStatus


def retry(turn: Turn, row: TaskState, task: WorkflowTask, task_def: TaskDef | None) -> bool:
    """Makes the next attempt and returns True, or returns False.

    Past the total timeout the workflow ends here, whatever the task forgives (spec 4.1.3).
    """
    made = row.made
    limit = retries.retries_max(task, task_def)
    if task_def is None or not retries.may_retry(
        row.status, made.task_type, made.retry_count, limit
    ):
        return False
    elapsed_s = (turn.context.now_ms - row.first_scheduled_ms) // 1000
    if 0 < task_def.total_timeout_seconds <= elapsed_s:
        timed_out = row.status is TaskStatus.TIMED_OUT
        status = WorkflowStatus.TIMED_OUT if timed_out else WorkflowStatus.FAILED
        reason = (
            f"Task {turn.state.task_id(row.ordinal)}/{made.task_def_name} exceeded total timeout "
            f"of {task_def.total_timeout_seconds} seconds (elapsed {elapsed_s} seconds across all "
            "attempts). No further retries will be attempted."
        )
        failing.for_good(turn, row, status, reason)
        return False
    delay_s = retries.delay_s(task_def, made.retry_count)
    jitter_ms = retries.jitter_ms(task_def, _fraction(turn, turn.state.next_ordinal))
    next_one = attempt(turn, row, task, task_def, delay_s=delay_s, jitter_ms=jitter_ms)
    turn.emit(
        msgspec.structs.replace(
            next_one, first_scheduled_ms=row.first_scheduled_ms, reason=row.reason
        )
    )
    return True


def attempt(
    turn: Turn,
    row: TaskState,
    task: WorkflowTask,
    task_def: TaskDef | None,
    *,
    delay_s: int = 0,
    jitter_ms: int = 0,
) -> ev.TaskScheduled:
    """The next attempt of a row, with its input worked out again."""
    state, made = turn.state, row.made
    ordinal = state.next_ordinal
    delay_ms = delay_s * 1000 + jitter_ms
    given = {**row.input, **_fresh_input(turn, row, task, task_def, ordinal)}
    operator = operator_for(made.task_type)
    extra: dict[str, Any] = {}
    if operator is not None and operator.retry_fields is not None:
        extra = operator.retry_fields(turn, ordinal, given, delay_ms)
    sync = operator is not None and operator.sync
    system = operator is not None and operator.system
    return msgspec.structs.replace(
        made,
        ordinal=ordinal,
        seq=state.next_seq,
        status=extra.pop("status", TaskStatus.IN_PROGRESS if sync else TaskStatus.SCHEDULED),
        input=given,
        output=extra.pop("output", {}),
        retry_count=made.retry_count + 1,
        retried=row.ordinal,
        first_scheduled_ms=None,
        domain=domain_for(turn, made.task_type) if made.queued and not system else None,
        delay_ms=0 if sync else delay_ms,
        start_delay_s=delay_s,
        callback_after_s=delay_s,
        reason=None,
        cache=_slot(turn, made, task, given),
        **extra,
    )


def _slot(
    turn: Turn, made: ev.TaskScheduled, task: WorkflowTask, given: dict[str, Any]
) -> ev.CacheSlot | None:
    """Where the output of an attempt with this input is kept; it is not looked for again."""
    if not made.queued or task.cache_config is None:
        return None
    scope = inputs.document(turn.state, turn.context.environment)
    return caching.slot(turn.context.blueprint, task, given, scope)


def _fresh_input(
    turn: Turn, row: TaskState, task: WorkflowTask, task_def: TaskDef | None, ordinal: int
) -> dict[str, Any]:
    """The input worked out again; it is laid over that of the failed attempt (spec 2.5)."""
    state, context = turn.state, turn.context
    scope = inputs.document(
        state,
        context.environment,
        task_id=None if task.type in inputs.WITHOUT_TASK_ID else state.task_id(ordinal),
        place=inputs.place_of(row),
    )
    operator = operator_for(row.made.task_type)
    with_template = operator is None or operator.template
    if row.made.forked_by is not None:
        defaults = task_def.input_template if with_template and task_def else None
        return task_input(compile_template(_branch_template(turn, row, task)), defaults, scope)
    fresh = inputs.resolved_input(
        context.blueprint, task, task_def if with_template else None, scope
    )
    if row.made.task_type == "SUB_WORKFLOW":
        return {"workflowInput": fresh}
    return fresh


def _branch_template(turn: Turn, row: TaskState, task: WorkflowTask) -> dict[str, Any]:
    """The template of a dynamic fork's branch, from the fork's own row."""
    fork = turn.state.tasks[row.made.forked_by or 0]
    own = own_input(turn.definition_of(fork)[0], fork.input, task.task_reference_name)
    return branch_template(task, own)


def _fraction(turn: Turn, ordinal: int) -> float:
    """A number in [0, 1) that the same decision always yields."""
    text = f"{turn.context.entropy}:{ordinal}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / (1 << 48)
