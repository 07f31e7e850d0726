"""Sending a message of `onStateChange`: payload as JSON, the rest in CloudEvents headers."""

import msgspec

from firmus.ports import DeciderPort, SinksPort, Unavailable
from firmus.scheduler.children import ACTOR, SendStateEvent
from firmus.workflow.state import WorkflowState
from firmus_contracts.commands import ReportStateEventSent
from firmus_contracts.events import StateEventRaised

TYPE = "io.firmus.task.state_event.v1"
SOURCE = "/firmus"


async def send_state_event(
    effect: SendStateEvent, decider: DeciderPort, sinks: SinksPort | None
) -> ReportStateEventSent | None:
    """Sends the message and returns the command that records it; None when the log shows that it
    went out before. Raises Unavailable.
    """
    state = await decider.read(effect.workflow_id)
    raised = None if state is None else state.unsent.get(effect.version)
    if state is None or raised is None:
        return None
    if sinks is None:
        raise Unavailable("this scheduler has nowhere to send messages to")
    body, headers = state_event_message(state, raised, effect.version)
    await sinks.send(raised.sink, body, headers)
    return ReportStateEventSent(
        command_id=effect.command_id,
        workflow_id=effect.workflow_id,
        actor=ACTOR,
        version=effect.version,
    )


def state_event_message(
    state: WorkflowState, raised: StateEventRaised, version: int
) -> tuple[bytes, dict[str, str]]:
    """Body and headers. The id is the event's own, so that sending it twice is noticed."""
    event_id = f"{state.workflow_id}/{version}"
    headers = {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": TYPE,
        "ce-source": SOURCE,
        "ce-subject": state.task_id(raised.ordinal),
        "ce-transition": raised.transition,
        "content-type": "application/json",
    }
    return msgspec.json.encode(raised.payload), headers
