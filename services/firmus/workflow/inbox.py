"""The messages that a running workflow was sent and has not taken yet."""

import msgspec

from firmus.workflow.state import Message, WorkflowState
from firmus_contracts import events as ev


def inbox_changed(
    state: WorkflowState, event: ev.MessageReceived | ev.MessagesTaken, now_ms: int
) -> WorkflowState:
    """One came, or the oldest were taken; expired ones are gone first."""
    messages = state.messages[event.expired :]
    if isinstance(event, ev.MessagesTaken):
        messages = messages[event.count :]
    else:
        messages = (*messages, Message(event.message_id, event.payload, now_ms))
    return msgspec.structs.replace(
        state, version=state.version + 1, updated_ms=now_ms, messages=messages
    )
