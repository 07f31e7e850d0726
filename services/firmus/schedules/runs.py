"""What a schedule started and when: the aggregate of its runs.

Its events alternate: runs are claimed, then ended. Each event says up to when everything due has
been dealt with, so the last one alone tells where to go on, and older ones may be dropped: a
schedule that runs each second keeps as much as one that runs each year.
"""

from typing import ClassVar, Literal

import msgspec
from eventsourcing.utils import register_topic

from firmus_contracts import ids

State = Literal["POLLED", "EXECUTED", "FAILED"]
REASON_MAX = 999


class Run(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One start that is due. `cron` and `zone_id` say which expression asked for it."""

    execution_id: str
    workflow_id: str
    cron: str
    zone_id: str
    scheduled_ms: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a run ended: with a workflow, or with a reason why there is none."""

    execution_id: str
    state: State
    workflow_id: str | None = None
    reason: str | None = None


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`originator_id` is the schedule's name. `through_ms`: all that was due until then has been
    claimed or passed over.
    """

    originator_id: str
    originator_version: int
    time_ms: int
    through_ms: int


class RunsClaimed(_Event, frozen=True):
    """These starts are made from now on, whatever becomes of the schedule. `request` is the start
    as the schedule has it, JSON.
    """

    TOPIC: ClassVar[str] = "firmus.schedules:RunsClaimed"
    runs: tuple[Run, ...]
    request: msgspec.Raw


class RunsEnded(_Event, frozen=True):
    """How the runs claimed last have ended, all of them."""

    TOPIC: ClassVar[str] = "firmus.schedules:RunsEnded"
    outcomes: tuple[Outcome, ...]


Event = RunsClaimed | RunsEnded

for _topic_of in (RunsClaimed, RunsEnded):
    register_topic(_topic_of.TOPIC, _topic_of)


class Cursor(msgspec.Struct, frozen=True):
    """Where a schedule stands: `version` of its last event of runs (0: none); `open` is the claim
    whose runs have not ended.
    """

    version: int = 0
    through_ms: int = 0
    open: RunsClaimed | None = None


def cursor_after(event: Event) -> Cursor:
    """The last event says it all."""
    claimed = event if isinstance(event, RunsClaimed) else None
    return Cursor(event.originator_version, event.through_ms, claimed)


def run_of(name: str, cron: str, zone_id: str, scheduled_ms: int) -> Run:
    """The run of an instant. Its ids follow from schedule, expression and instant, so the instant
    can start one workflow only, whoever tries and however often.
    """
    parts = ("schedule", name, cron, zone_id, str(scheduled_ms))
    return Run(
        execution_id=ids.derived_workflow_id(scheduled_ms, "execution", *parts),
        workflow_id=ids.derived_workflow_id(scheduled_ms, *parts),
        cron=cron,
        zone_id=zone_id,
        scheduled_ms=scheduled_ms,
    )


def ended(claimed: RunsClaimed, outcomes: tuple[Outcome, ...], *, now_ms: int) -> RunsEnded:
    return RunsEnded(
        originator_id=claimed.originator_id,
        originator_version=claimed.originator_version + 1,
        time_ms=now_ms,
        through_ms=claimed.through_ms,
        outcomes=outcomes,
    )
