"""Which rows come back when a workflow runs again, and how (spec 5.4-5.6).

A row that ended without success comes back, unless what happened to it is over and done with: a
later attempt has taken its place, it was optional, or it lies in a block that dealt with its
failure.
"""

import msgspec

from firmus.decider import containment, downstream, reopening
from firmus.decider.downstream import Around
from firmus.decider.turn import Turn
from firmus.workflow.document import LOOPS
from firmus.workflow.joins import JOINS
from firmus.workflow.state import TaskState
from firmus.workflow.walk import BRANCHING, follower
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus

ATTEMPT, PLACE, COUNTED, LEFT = "attempt", "place", "counted", "left"
"""As a new row; under its id; under its id with one more attempt counted; not at all."""


class How(msgspec.Struct, frozen=True):
    """How rows come back that were canceled, and that failed otherwise. `same_children`: those of
    sub-workflows wait for the child that they had; otherwise they start another.
    """

    canceled: str
    failed: str
    same_children: bool


RETRY = How(ATTEMPT, ATTEMPT, same_children=False)
RESUME = How(COUNTED, ATTEMPT, same_children=True)
REVIVE = How(COUNTED, LEFT, same_children=True)
RERUN = How(PLACE, PLACE, same_children=False)


class Survey(msgspec.Struct, frozen=True):
    """`back`: the rows that come back, oldest first, so each before those that it holds. `removed`:
    rows of lists that a block will come to again. `unsettled`: rows whose followers never came to
    be, because the failure of another row had all of their block settled (`containment.clear`).
    """

    back: tuple[TaskState, ...]
    removed: frozenset[int]
    unsettled: frozenset[int]


def survey(
    turn: Turn, *, gone: frozenset[int] = frozenset(), around: tuple[Around, ...] = ()
) -> Survey:
    """What comes back of the rows that are not `gone`; the loops and blocks in `around` do."""
    state, blueprint = turn.state, turn.context.blueprint
    parts: dict[int, str | int] = {one.ordinal: one.part for one in around}
    live: dict[int, bool] = {}
    back: list[TaskState] = []
    removed: set[int] = set()
    unsettled: list[int] = []
    for ordinal in sorted(state.tasks):
        row = state.tasks[ordinal]
        if ordinal in gone or ordinal in removed or not _in_live_place(turn, row, live, parts):
            live[ordinal] = False
            continue
        newest = state.latest.get(row.ref) == ordinal and not row.retried
        badly = newest and row.status.terminal and not row.status.successful
        live[ordinal] = badly or not row.status.terminal or ordinal in parts
        if badly:
            back.append(row)
        if live[ordinal] and row.made.task_type == "TRY_CATCH" and row.status.terminal:
            part = parts.setdefault(ordinal, stands_in(turn, row))
            later = downstream.parts_after(blueprint, row, part)
            removed |= downstream.rows_of(state, later, row)
        if row.made.within is not None and state.tasks[row.made.within].status.terminal:
            unsettled += [ordinal] if _stopped_short(turn, row) else []
    return Survey(tuple(back), frozenset(removed - gone), frozenset(unsettled))


def _in_live_place(
    turn: Turn, row: TaskState, live: dict[int, bool], parts: dict[int, str | int]
) -> bool:
    """Whether nothing around a row has dealt with it: every loop and block around it is open or
    comes back, and a block comes back to the list that the row is in.
    """
    within = row.made.within
    if within is None:
        return True
    if not live.get(within, False):
        return False
    holder = turn.state.tasks[within]
    if holder.made.task_type != "TRY_CATCH":
        return True
    part = downstream.part_of(turn.state, turn.context.blueprint, holder, row)
    return part == (parts[within] if within in parts else stands_in(turn, holder))


def _stopped_short(turn: Turn, row: TaskState) -> bool:
    """Whether a row is over and settled without what should follow it."""
    if not row.settled or row.retried or row.made.forked_by is not None:
        return False
    if row.made.task_type in BRANCHING and row.input.get("hasChildren"):
        return False
    node = row.made.node or row.ref
    following = follower(turn.context.blueprint, node)
    suffix = row.ref.removeprefix(node)
    return following is not None and (
        f"{following.task_reference_name}{suffix}" not in turn.state.latest
    )


def stands_in(turn: Turn, block: TaskState) -> str | int:
    """The list of a TRY_CATCH in which it goes on: where it was canceled, or where it failed."""
    output = block.output
    match output.get("phase"):
        case "TRY":
            return downstream.TRY
        case "CATCH":
            return int(output["handler"])
        case "FINALLY":
            return downstream.FINALLY
    error = output.get("error")
    ref = error.get("taskRef") if isinstance(error, dict) else None
    row = turn.state.task(ref) if isinstance(ref, str) else None
    if row is not None:
        return downstream.part_of(turn.state, turn.context.blueprint, block, row)
    node = turn.context.blueprint.nodes.get(_plain(block, str(ref)))
    if node is None:
        return downstream.TRY
    return downstream.part_at(turn.context.blueprint, block, node.ref)


def _plain(block: TaskState, ref: str) -> str:
    return ref.removesuffix(block.ref.removeprefix(block.made.node or block.ref))


def withdraw(turn: Turn, removed: frozenset[int], unsettled: frozenset[int]) -> None:
    if removed or unsettled:
        turn.emit(
            ev.TasksWithdrawn(
                removed=tuple(sorted(removed)), unsettled=tuple(sorted(unsettled - removed))
            )
        )


def bring_back(turn: Turn, how: How, rows: tuple[TaskState, ...]) -> None:
    """Brings back those of the rows that are not open yet."""
    for row in rows:
        now = turn.state.tasks.get(row.ordinal)
        if now is not None and now.status.terminal and not now.retried:
            _bring_back(turn, how, now)


def _bring_back(turn: Turn, how: How, row: TaskState) -> None:
    kind = row.made.task_type
    if kind in JOINS:
        reopening.join(turn, row)
    elif kind in LOOPS:
        open_loop(turn, row)
    elif kind == "TRY_CATCH":
        open_block(turn, row, stands_in(turn, row))
    elif kind == "SUB_WORKFLOW" and how.same_children:
        reopening.with_child(turn, row)
    else:
        canceled = row.status is TaskStatus.CANCELED
        _plain_row(turn, row, how.canceled if canceled else how.failed)


def _plain_row(turn: Turn, row: TaskState, way: str) -> None:
    planned = row.made.task_type in reopening.HOLDING and row.made.forked_by is None
    if way == ATTEMPT:
        reopening.next_attempt(turn, row)
    elif way != LEFT and planned:
        reopening.once_more(turn, row)
    elif way != LEFT:
        count = row.made.retry_count + (way == COUNTED)
        reopening.in_place(turn, row, retry_count=count)


def open_loop(turn: Turn, row: TaskState) -> None:
    """A loop goes on where it stood; one that never began is planned once more."""
    if row.made.task_type == "FOR_EACH" and reopening.passes_begun(row) is None:
        reopening.once_more(turn, row)
        return
    reopening.loop(turn, row)


def open_block(turn: Turn, block: TaskState, part: str | int) -> None:
    """A TRY_CATCH goes on in one of its lists."""
    reopening.block(turn, block, _output_in(turn, block, part))


def _output_in(turn: Turn, block: TaskState, part: str | int) -> dict[str, object]:
    """What the block said when it entered that list: the failure so far, and who took it."""
    if part == downstream.TRY:
        return {"phase": "TRY"}
    handler = block.output.get("handler")
    failed = _failure_in(turn, block, downstream.TRY)
    error = failed or block.output.get("error")
    if part != downstream.FINALLY:
        return {"phase": "CATCH", "error": error, "handler": part}
    output: dict[str, object] = {"phase": "FINALLY"}
    if handler is not None:
        again = _failure_in(turn, block, handler)
        output |= {"error": again or error, "handler": handler}
        if again is None:
            output["caught"] = True
    elif failed is not None:
        output["error"] = failed
    return output


def _failure_in(turn: Turn, block: TaskState, part: str | int) -> dict[str, object] | None:
    """The failure that ended one of the lists of a block."""
    for ordinal in sorted(turn.state.tasks):
        row = turn.state.tasks[ordinal]
        if row.status.successful or row.retried or row.status is TaskStatus.CANCELED:
            continue
        holder = containment.around(turn.state, row.made)
        if holder is None or holder.ordinal != block.ordinal:
            continue
        if turn.definition_of(row)[0].optional:
            continue
        if downstream.part_of(turn.state, turn.context.blueprint, block, row) == part:
            return containment.error_of(turn.state, row)
    return None
