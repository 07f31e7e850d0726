"""The events by which people, limits and other workflows steer one; see `events.py`."""

from typing import Any

import msgspec

from firmus_contracts.event_parts import Event


class WorkflowPaused(Event, frozen=True, tag="workflow.paused"):
    """`actor`, here and elsewhere: who asked for it, where that was told."""

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


class WorkflowJumped(Event, frozen=True, tag="workflow.jumped"):
    """It goes on from the task `ref`; what was open was skipped before, what lies behind the task
    is withdrawn after this.
    """

    ref: str
    reason: str | None = None
    actor: str = ""


class WorkflowUpgraded(Event, frozen=True, tag="workflow.upgraded"):
    """It goes on under the snapshot `definition_hash` of another version of its definition. `input`
    is laid over what it had.
    """

    definition_version: int
    definition_hash: str
    input: dict[str, Any] = msgspec.field(default_factory=dict)
    timeout_s: int = 0
    timeout_policy: str = "ALERT_ONLY"
    reason: str | None = None
    actor: str = ""


class VariablesSet(Event, frozen=True, tag="workflow.variables_set"):
    """These variables were overwritten; the others stay."""

    variables: dict[str, Any]
    reason: str | None = None
    actor: str = ""


class TaskSkipped(Event, frozen=True, tag="task.skipped"):
    """An open row was left behind; nothing follows from its end."""

    ordinal: int
    reason: str | None = None
    output: dict[str, Any] | None = None


class WorkflowFollowed(Event, frozen=True, tag="workflow.followed"):
    """A task of another workflow, which did not start this one, is to be told of its end."""

    task_id: str
