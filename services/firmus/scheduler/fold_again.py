"""What events mean to the scheduler's fold by which ended workflows run again (spec 5.3-5.6)."""

from collections.abc import Callable, Mapping
from typing import Any

from firmus.scheduler import children, fold_tasks
from firmus.scheduler.holdings import Holdings
from firmus.scheduler.rows import Flow, Moment, Shard
from firmus.workflow.kinship import operation_of
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit


def beginning(commit: Commit) -> int | None:
    """The index of the event by which a workflow begins, or runs again after it had ended."""
    for index, event in enumerate(commit.events):
        if isinstance(event, _BEGINNINGS):
            return index
    return None


_BEGINNINGS = (
    ev.WorkflowStarted,
    ev.WorkflowRestarted,
    ev.WorkflowRetried,
    ev.WorkflowRerun,
    ev.WorkflowRevived,
)


def _runs_again(
    known: Holdings,
    shard: Shard,
    flow: Flow,
    event: ev.WorkflowRestarted | ev.WorkflowRetried | ev.WorkflowRerun | ev.WorkflowRevived,
    at: Moment,
) -> None:
    """An ended workflow is open again, at first without rows; its clock starts anew."""
    shard.flows[flow.workflow_id] = flow  # it may have ended in this very commit
    flow.paused = False
    flow.canceled = ()
    flow.timeout_s = 0
    flow.gate = None  # what runs again waits for no slot, and takes none
    standing = event.standing
    flow.parent_workflow_id = standing.parent_workflow_id
    flow.parent_task_id = standing.parent_task_id
    flow.followers = standing.followers
    flow.clock_ms = at.now_ms
    if standing.timeout_s > 0 and standing.timeout_policy == "TIME_OUT_WF":
        flow.timeout_s = standing.timeout_s
        known.timeline.arm(flow, flow.deadline_ms())
    _tell_parent(known, shard, flow, event, at)


def _tell_parent(known: Holdings, _shard: Shard, flow: Flow, event: Any, at: Moment) -> None:
    if flow.parent_workflow_id and flow.parent_task_id:
        known.owe(
            children.TellParent(
                flow.workflow_id,
                at.version,
                flow.parent_workflow_id,
                flow.parent_task_id,
                operation_of(event) or "",
                getattr(event, "parent_version", 0),
            )
        )


def _withdrawn(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.TasksWithdrawn, _at: Moment
) -> None:
    for ordinal in event.removed:
        row = flow.rows.pop(ordinal, None)
        if row is not None:
            known.drop(row)


def _due_now(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.CallbackReset, at: Moment
) -> None:
    row = flow.rows.get(event.ordinal)
    if row is None:
        return
    row.updated_ms = at.now_ms
    row.callback_after_s = 0
    if row.queued and not row.in_progress:
        known.queues.enqueue(row, order=at.order, due_ms=at.now_ms, delayed=False)
    if row.timeouts is not None:
        known.timeline.arm(row, row.deadline_ms())


def _reopened(
    known: Holdings, shard: Shard, flow: Flow, event: ev.TaskReopened, at: Moment
) -> None:
    row = flow.rows.pop(event.ordinal, None)
    if row is not None:
        known.drop(row)
    fold_tasks.scheduled(known, shard, flow, event.row, at)
    if event.child_version and event.row.child_id:
        flow.since[event.row.child_id] = event.child_version
    if event.asks_child and event.row.child_id:
        known.owe(
            children.AskChild(
                flow.workflow_id,
                at.version,
                event.row.child_id,
                event.ordinal,
                event.path,
                event.task_input,
            )
        )


def _child_revived(
    _known: Holdings, _shard: Shard, flow: Flow, event: ev.ChildRevived, _at: Moment
) -> None:
    row = flow.rows.get(event.ordinal)
    if row is not None and row.child_id is not None:
        flow.since[row.child_id] = event.child_version


HANDLERS: Mapping[type[Any], Callable[[Holdings, Shard, Flow, Any, Moment], None]] = {
    ev.WorkflowRestarted: _runs_again,
    ev.WorkflowRetried: _runs_again,
    ev.WorkflowRerun: _runs_again,
    ev.WorkflowRevived: _runs_again,
    ev.ParentRevived: _tell_parent,
    ev.TasksWithdrawn: _withdrawn,
    ev.TaskReopened: _reopened,
    ev.ChildRevived: _child_revived,
    ev.CallbackReset: _due_now,
}
