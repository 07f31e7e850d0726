"""The runs of all schedules as people search them: the fold of the runs' stream, and its queries.

A query is pieces joined by AND: `scheduleName IN (a,b)`, `state IN (FAILED)`, `scheduledTime>ms`,
`scheduledTime<ms`, `workflowName=part`, `executionId=id`. Anything else finds nothing (spec 8.8).
"""

import re
from collections import deque
from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from firmus.schedules.runs import Event, RunsClaimed, State
from firmus_contracts.errors import Refusal

KEPT = 50
"""Runs of each schedule that can be found."""
_AND = re.compile(r"\s+AND\s+")
_LIST = re.compile(r"(scheduleName|state) IN \((.*)\)", re.DOTALL)
_PIECE = re.compile(r"(scheduledTime[<>]|workflowName=|executionId=)(.*)", re.DOTALL)
_LONG = re.compile(r"[+-]?[0-9]{1,19}")


class ExecutionRecord(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One run as Conductor shows it. Times in epoch milliseconds."""

    execution_id: str
    schedule_name: str
    scheduled_time: int
    execution_time: int
    workflow_name: str
    workflow_id: str | None = None
    reason: str | None = None
    start_workflow_request: msgspec.Raw
    state: State
    zone_id: str


class _Named(msgspec.Struct):
    name: str = ""


class Records:
    """The last runs of each schedule, those of deleted ones included."""

    def __init__(self) -> None:
        self.position = 0
        self._by_schedule: dict[str, deque[ExecutionRecord]] = {}

    def apply(self, position: int, event: Event) -> None:
        self.position = position
        name = event.originator_id
        kept = self._by_schedule.setdefault(name, deque(maxlen=KEPT))
        if isinstance(event, RunsClaimed):
            kept.extend(_claimed(event))
            return
        ended = {outcome.execution_id: outcome for outcome in event.outcomes}
        for place, record in enumerate(kept):
            outcome = ended.get(record.execution_id)
            if outcome is not None:
                kept[place] = replace(
                    record,
                    state=outcome.state,
                    workflow_id=outcome.workflow_id,
                    reason=outcome.reason,
                )

    def pending(self) -> list[str]:
        """Execution ids of runs that have not ended."""
        return [record.execution_id for record in self._all() if record.state == "POLLED"]

    def search(self, query: str, sort: str) -> list[ExecutionRecord]:
        """All that match, the latest first unless `sort` says otherwise. Raises Refusal INVALID for
        a time that is no number.
        """
        wanted = condition(query)
        found = [record for record in self._all() if wanted(record)]
        for key, descending in reversed(_orders(sort)):
            found.sort(key=key, reverse=descending)
        return found

    def _all(self) -> Iterable[ExecutionRecord]:
        return (record for kept in self._by_schedule.values() for record in kept)


Condition = Callable[[ExecutionRecord], bool]


def condition(query: str) -> Condition:
    """What a record must be. Several lists of one field count together, as in Conductor."""
    if not query.strip():
        return lambda _: True
    names: set[str] = set()
    states: set[str] = set()
    others: list[Condition] = []
    for piece in _AND.split(query.strip()):
        listed = _LIST.fullmatch(piece)
        if listed is not None:
            (names if listed[1] == "scheduleName" else states).update(_parts(listed[2]))
        else:
            others.append(_single(piece))

    def holds(record: ExecutionRecord) -> bool:
        return (
            (not names or record.schedule_name in names)
            and (not states or record.state in states)
            and all(other(record) for other in others)
        )

    return holds


def _parts(listed: str) -> list[str]:
    return [part for raw in listed.split(",") if (part := raw.strip())]


def _single(piece: str) -> Condition:
    found = _PIECE.fullmatch(piece)
    if found is None:
        return lambda _: False
    field, text = found[1], found[2].strip()
    match field:
        case "scheduledTime>":
            after_ms = _time(text)
            return lambda record: record.scheduled_time > after_ms
        case "scheduledTime<":
            before_ms = _time(text)
            return lambda record: record.scheduled_time < before_ms
        case "workflowName=":
            return lambda record: text in record.workflow_name
        case _:
            return lambda record: record.execution_id == text


def _time(text: str) -> int:
    if _LONG.fullmatch(text) is None:
        raise Refusal("INVALID", f"scheduledTime: '{text}' is not a number of milliseconds")
    return int(text)


_FIELDS: dict[str, Callable[[ExecutionRecord], str | int]] = {
    "scheduledTime": lambda record: record.scheduled_time,
    "executionTime": lambda record: record.execution_time,
    "scheduleName": lambda record: record.schedule_name,
    "workflowName": lambda record: record.workflow_name,
    "state": lambda record: record.state,
}


def _orders(sort: str) -> list[tuple[Callable[[ExecutionRecord], str | int], bool]]:
    """`field:ASC,field:DESC`; an unknown field means the scheduled time."""
    orders = []
    for part in _parts(sort) or ["scheduledTime:DESC"]:
        field, _, direction = part.partition(":")
        orders.append(
            (_FIELDS.get(field, _FIELDS["scheduledTime"]), direction.strip().upper() != "ASC")
        )
    return orders


def _claimed(event: RunsClaimed) -> Iterable[ExecutionRecord]:
    name = msgspec.json.decode(event.request, type=_Named).name
    return (
        ExecutionRecord(
            execution_id=run.execution_id,
            schedule_name=event.originator_id,
            scheduled_time=run.scheduled_ms,
            execution_time=event.time_ms,
            workflow_name=name,
            start_workflow_request=event.request,
            state="POLLED",
            zone_id=run.zone_id,
        )
        for run in event.runs
    )
