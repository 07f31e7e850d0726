"""Messages sent to a running workflow: kept in order until a task pulls them (spec 3.6.22, 8.4)."""

from firmus.decider.turn import Turn
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.statuses import WorkflowStatus

PULL = "PULL_WORKFLOW_MESSAGES"


def push(turn: Turn, command: cmd.PushMessage) -> cmd.Rejected | None:
    """Keeps the message and has the open pull tasks looked at, oldest first."""
    state, limits = turn.state, turn.context.limits
    if state.status is not WorkflowStatus.RUNNING:
        message = f"Workflow {state.workflow_id} is not in RUNNING state (current: {state.status})"
        return cmd.Rejected(code="CONFLICT", message=message)
    gone = expired(turn)
    if len(state.messages) - gone >= limits.messages_max:
        message = f"Workflow {state.workflow_id} has {limits.messages_max} messages waiting already"
        return cmd.Rejected(code="TOO_MANY_REQUESTS", message=message)
    turn.emit(
        ev.MessageReceived(
            message_id=ids.message_id(state.workflow_id, command.command_id),
            payload=command.payload,
            expired=gone,
        )
    )
    tasks = turn.state.tasks
    pulling = (
        ordinal
        for ordinal in turn.state.pending.keys()  # noqa: SIM118 - a persistent map
        if tasks[ordinal].made.task_type == PULL
    )
    turn.todo.extend(sorted(pulling))
    return None


def expired(turn: Turn) -> int:
    """How many of the oldest messages have waited longer than they are kept."""
    oldest_ms = turn.context.now_ms - turn.context.limits.message_ttl_s * 1000
    return sum(message.received_ms < oldest_ms for message in turn.state.messages)
