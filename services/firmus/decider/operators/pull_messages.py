"""PULL_WORKFLOW_MESSAGES: takes messages that were sent to this workflow (spec 3.6.22)."""

from datetime import UTC, datetime
from typing import Any

from firmus.decider.messages import expired
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

BATCH_MAX = 100


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="PULL_WORKFLOW_MESSAGES",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=False),
    )


def execute(turn: Turn, row: TaskState) -> None:
    """Takes up to `batchSize` of the oldest; without any it waits, unless `blocking` is false.

    Nothing is polled: every message that comes has the waiting row looked at again.
    """
    gone = expired(turn)
    taken = turn.state.messages[gone : gone + _batch_size(row.input.get("batchSize"))]
    if not taken and row.input.get("blocking") is not False:
        return
    messages = [
        {
            "id": message.message_id,
            "workflowId": turn.state.workflow_id,
            "payload": message.payload,
            "receivedAt": _iso(message.received_ms),
        }
        for message in taken
    ]
    if taken:
        turn.emit(ev.MessagesTaken(ordinal=row.ordinal, count=len(taken), expired=gone))
    output = {"messages": messages, "count": len(messages)}
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=output))


def _batch_size(given: Any) -> int:
    """Only a number counts; 1 to BATCH_MAX."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return 1
    return max(1, min(int(given), BATCH_MAX))


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
