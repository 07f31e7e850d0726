"""The events by which people, and limits, hold a workflow or let it go; see `events.py`."""

from firmus_contracts.event_parts import Event


class WorkflowPaused(Event, frozen=True, tag="workflow.paused"):
    """`actor`, here and in the events below: who asked for it, where that was told."""

    reason: str | None = None
    actor: str = ""


class WorkflowResumed(Event, frozen=True, tag="workflow.resumed"):
    """The clock of the workflow timeout starts anew here (spec 5.2)."""

    reason: str | None = None
    actor: str = ""


class WorkflowRemoved(Event, frozen=True, tag="workflow.removed"):
    """Nobody sees it any more, in whatever status it is; `archived`: search still lists it.

    Only messages that wait to be sent are still told of (`task.state_event_sent`).
    """

    archived: bool = False
    reason: str | None = None
    actor: str = ""


class WorkflowReleased(Event, frozen=True, tag="workflow.released"):
    """A workflow that was held at its start has a slot now and begins."""
