"""What a worker's report does to its row (spec 4.5)."""

from firmus.decider.operators.registry import operator_for
from firmus.decider.turn import Turn
from firmus.workflow.deadlines import HELD_S
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.commands import Rejected, RequeueTask, UpdateOutcome, UpdateTask
from firmus_contracts.errors import no_task
from firmus_contracts.statuses import ResultStatus, TaskStatus

REASON_MAX = 500
LOGS_MAX = 10
"""The log lines that one report brings; more are left out (spec 4.5, step 6)."""


def row_of(state: WorkflowState, task_id: str) -> TaskState | None:
    return state.tasks.get(ids.ordinal_of(task_id))


def ignored_because(state: WorkflowState, row: TaskState) -> str | None:
    """Why a report changes nothing: the attempt or its workflow has ended."""
    if row.status.terminal:
        return f"task {row.ref} is {row.status}"
    if state.status.terminal:
        return f"workflow is {state.status}"
    return None


def outcome(row: TaskState, command: UpdateTask, *, ignored: bool) -> UpdateOutcome:
    return UpdateOutcome(
        task_id=command.task_id,
        task_type=row.made.task_type,
        domain=row.made.domain,
        terminal=command.status is not ResultStatus.IN_PROGRESS and not command.extend_lease,
        ignored=ignored,
    )


def apply(turn: Turn, row: TaskState, command: UpdateTask) -> None:
    """Emits what the report says; what follows from it is the loop's business."""
    if command.extend_lease:
        turn.emit(ev.TaskLeaseExtended(ordinal=row.ordinal))
        return
    if command.logs:
        turn.emit(ev.TaskLogged(ordinal=row.ordinal, lines=command.logs[:LOGS_MAX]))
    turn.emit(_event(row, command))


def requeue(turn: Turn, command: RequeueTask) -> Rejected | None:
    """Offers a begun task again; one that waits already is left where it is (spec 9.4). The system
    worker looks after its leases itself: what it was given is not given twice.
    """
    row = row_of(turn.state, command.task_id)
    if row is None or not row.made.queued:
        return Rejected(code="NOT_FOUND", message=no_task(command.task_id))
    ended = ignored_because(turn.state, row)
    if ended is not None:
        return Rejected(code="CONFLICT", message=ended)
    operator = operator_for(row.made.task_type)
    if operator is not None and operator.system:
        message = f"task {row.ref} is a {row.made.task_type}, which no worker has"
        return Rejected(code="CONFLICT", message=message)
    if row.status is TaskStatus.IN_PROGRESS and not row.requeued:
        turn.emit(ev.TaskRequeued(ordinal=row.ordinal))
    return None


def _event(row: TaskState, command: UpdateTask) -> ev.WorkflowEvent:
    """Output is replaced as a whole; a worker's IN_PROGRESS puts its row back in the queue.

    A system task is not called again after IN_PROGRESS (asyncComplete): it waits for a report from
    outside, without a response timeout (spec 4.3).
    """
    reason = command.reason[:REASON_MAX] if command.reason else command.reason
    ordinal, output = row.ordinal, command.output if command.output is not None else {}
    operator = operator_for(row.made.task_type)
    called_once = operator is not None and operator.system and not operator.repeats
    held = called_once and row.status is TaskStatus.IN_PROGRESS
    match command.status:
        case ResultStatus.COMPLETED:
            return ev.TaskCompleted(
                ordinal=ordinal, output=output, reason=reason, worker_id=command.worker_id
            )
        case ResultStatus.FAILED | ResultStatus.FAILED_WITH_TERMINAL_ERROR:
            return ev.TaskFailed(
                ordinal=ordinal,
                output=output,
                reason=reason,
                worker_id=command.worker_id,
                terminal_error=command.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR,
            )
        case ResultStatus.CANCELED:
            return ev.TaskCanceled(
                ordinal=ordinal, output=output, reason=reason, worker_id=command.worker_id
            )
        case ResultStatus.IN_PROGRESS:
            return ev.TaskUpdated(
                ordinal=ordinal,
                output=output,
                reason=reason,
                worker_id=command.worker_id,
                callback_after_s=HELD_S if held else max(0, command.callback_after_s),
                requeued=row.made.queued and not held,
            )
