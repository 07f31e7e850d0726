"""Fold: what one commit changes in the states that the projection follows, event by event.

Pure: the states are handed in and out. A commit is taken whole or not at all.
"""

from collections.abc import Callable, Iterable

import msgspec

from firmus.projection.cursors import EventsCursor
from firmus.projection.publication import commit_headers, publish
from firmus.workflow.evolve import evolve
from firmus.workflow.masking import NOTHING
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit, Record, Unreadable
from firmus_contracts.events import (
    LoopAdvanced,
    TasksWithdrawn,
    WorkflowEvent,
    WorkflowRerun,
    WorkflowRestarted,
    WorkflowUpgraded,
)
from firmus_contracts.public_events import PublicEvent


class CannotFollow(Exception):
    """A commit that cannot be applied; its workflow stops here, in the read model and in EVENTS."""


class Folded(msgspec.Struct, frozen=True, gc=False):
    """The state after a commit; the task rows it touched or removed, each by its ordinal with the
    version of the last event that did; its public events with their versions.
    """

    state: WorkflowState
    touched: dict[int, int]
    published: list[tuple[int, PublicEvent]]


def _nothing(_definition_hash: str) -> frozenset[str]:
    return NOTHING


def fold_record(
    state: WorkflowState | None,
    record: Record,
    *,
    published: EventsCursor | None,
    source: str,
    masked: Callable[[str], frozenset[str]] = _nothing,
) -> Folded:
    """Applies a commit. Public events are made of what comes after `published`; None: of nothing.
    `masked` gives the masked fields of a definition, by its hash.

    Raises CannotFollow for an unreadable commit, a gap, or an event that does not fit the state.
    """
    body = record.body
    if isinstance(body, Unreadable):
        raise CannotFollow(body.problem)
    expected = 1 if state is None else state.version + 1
    if body.first_version != expected:
        raise CannotFollow(f"version {body.first_version} where {expected} was expected")
    wanted = _published_up_to(body, record.position, published)
    shared = (
        {}
        if wanted is None
        else commit_headers(body, record.position, record.digest, source=source)
    )
    touched: dict[int, int] = {}
    public: list[tuple[int, PublicEvent]] = []
    version = body.first_version
    try:
        for event in body.events:
            kind = type(event)
            if kind in _TOUCH_OTHER_ROWS:
                touched.update(dict.fromkeys(_others_touched(state, event), version))
            state = evolve(state, event, workflow_id=body.workflow_id, now_ms=body.time_ms)
            ordinal = getattr(event, "ordinal", None)
            if ordinal is not None:
                touched[ordinal] = version
            if wanted is not None and version > wanted:
                made = publish(
                    state, event, version, body, shared, names=masked(state.definition_hash)
                )
                if made is not None:
                    public.append((version, made))
            version += 1
    except (ValueError, KeyError) as problem:
        raise CannotFollow(f"version {version}: {problem!r}") from problem
    if state is None:
        raise CannotFollow("a commit without events")
    return Folded(state, touched, public)


_TOUCH_OTHER_ROWS = frozenset(
    {LoopAdvanced, TasksWithdrawn, WorkflowRestarted, WorkflowRerun, WorkflowUpgraded}
)


def _others_touched(state: WorkflowState | None, event: WorkflowEvent) -> Iterable[int]:
    """The rows that an event takes away, by their ordinals; or all of them when it changes what is
    masked.
    """
    if isinstance(event, LoopAdvanced | TasksWithdrawn):
        return event.removed
    if isinstance(event, WorkflowRerun) and event.from_ordinal is not None:
        return ()
    return () if state is None else state.tasks.keys()


def fold_history(records: list[Record], *, before: int) -> WorkflowState | None:
    """The state of a workflow after its commits below a position. Raises CannotFollow."""
    state: WorkflowState | None = None
    for record in records:
        if record.position >= before:
            break
        state = fold_record(state, record, published=None, source="").state
    return state


def _published_up_to(commit: Commit, position: int, cursor: EventsCursor | None) -> int | None:
    """The version up to which a commit's events are out already; None when all of them are."""
    if cursor is None or position < cursor.position:
        return None
    if position > cursor.position:
        return 0
    return cursor.version if cursor.version < commit.last_version else None
