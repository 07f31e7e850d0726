"""How single rows come back: under their id, as a new attempt, or planned once more (spec 5.4-5.6).

The rows of operators that hold others (switches, forks, loops, blocks) are planned once more when
nothing inside of them is kept; otherwise they only open again and go on where they stood.
"""

from typing import Any

import msgspec

from firmus.decider import containment, passes
from firmus.decider.operators import do_while
from firmus.decider.operators.registry import operator_for, plan_task
from firmus.decider.plan import Instead, Plan, domain_for, reopening_of
from firmus.decider.retrying import attempt
from firmus.decider.turn import Turn
from firmus.workflow.document import LOOPS
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus

HOLDING = frozenset({"SWITCH", "DECISION", "FORK", *LOOPS, *containment.CONTAINERS})
"""Types whose rows hold other rows."""


def in_place(
    turn: Turn,
    row: TaskState,
    *,
    given: dict[str, Any] | None = None,
    retry_count: int | None = None,
) -> None:
    """Opens a row under its id, as fresh as a new one; a sub-workflow gets a child of its own."""
    made = row.made
    operator = operator_for(made.task_type)
    input_ = row.input if given is None else given
    extra: dict[str, Any] = {}
    if operator is not None and operator.retry_fields is not None:
        extra = operator.retry_fields(turn, row.ordinal, input_, 0)
    system = operator is not None and operator.system
    fresh = msgspec.structs.replace(
        made,
        status=extra.pop("status", made.status if made.child_id is None else TaskStatus.SCHEDULED),
        input=input_,
        output=extra.pop("output", {}),
        retry_count=made.retry_count if retry_count is None else retry_count,
        domain=domain_for(turn, made.task_type) if made.queued and not system else None,
        first_scheduled_ms=None,
        delay_ms=0,
        start_delay_s=0,
        callback_after_s=made.callback_after_s if made.task_type == "WAIT" else 0,
        reason=None,
        cache=made.cache if given is None else None,
        **extra,
    )
    turn.emit(reopening_of(fresh))


def once_more(
    turn: Turn, row: TaskState, *, place: bool = True, given: dict[str, Any] | None = None
) -> None:
    """Plans the task of a row that stands in the definition again, with all that begins with it:
    under its id (`place`), or as its next attempt. Raises WorkflowFault and WantsMore.
    """
    made = row.made
    task, _ = turn.definition_of(row)
    planned = Plan(
        turn,
        suffix=passes.own_suffix(row),
        iteration=made.iteration,
        within=made.within,
        instead=Instead(old=row, in_place=place, input=given),
    )
    plan_task(planned, task)
    planned.make()


def next_attempt(turn: Turn, row: TaskState) -> None:
    """A new row in the place of one that failed, without the delay of a retry (spec 5.4)."""
    if row.made.task_type in HOLDING and row.made.forked_by is None:
        once_more(turn, row, place=False)
        return
    task, task_def = turn.definition_of(row)
    turn.emit(attempt(turn, row, task, task_def))


def join(turn: Turn, row: TaskState) -> None:
    """A join waits again; one that had failed counts that as an attempt."""
    _as_it_stood(turn, row, output={})


def loop(turn: Turn, row: TaskState) -> None:
    """A loop goes on in the pass, or the passes, that it had come to."""
    begun = passes_begun(row)
    reached = {} if begun is None else {"iteration": begun}
    output = row.output if row.made.task_type == "DO_WHILE" else reached
    _as_it_stood(turn, row, output=output, iteration=row.iteration)


def passes_begun(row: TaskState) -> int | None:
    """How many passes of a loop have begun, also of a FOR_EACH that has COMPLETED; None: none."""
    for key in ("iteration", "count"):
        found = row.output.get(key)
        if isinstance(found, int):
            return found
    return None


def block(turn: Turn, row: TaskState, output: dict[str, Any]) -> None:
    """A TRY_CATCH goes on in the list that `output` tells."""
    _as_it_stood(turn, row, output=output)


def with_child(
    turn: Turn,
    row: TaskState,
    *,
    child_version: int = 0,
    operation: str = "retried",
    path: tuple[str, ...] = (),
    task_input: dict[str, Any] | None = None,
) -> None:
    """A SUB_WORKFLOW waits for the child that it has, which was run again by this operation: its
    log says so (spec 5.6). Without `child_version` the child is asked to
    run again first. One that never heard of its child starts another, and so does one whose child
    is not its own to ask: its key says what comes of that (spec 4.13).
    """
    if not child_version and (row.adopted or not row.start_ms):
        in_place(turn, row)
        return
    made = msgspec.structs.replace(
        row.made,
        status=TaskStatus.IN_PROGRESS,
        input=row.input,
        output={"subWorkflowId": row.child_id, **row.output},
        child_id=row.child_id,
        first_scheduled_ms=None,
        delay_ms=0,
        callback_after_s=0,
        reason=None,
    )
    turn.emit(
        reopening_of(
            made,
            child_version=child_version,
            asks_child=not child_version,
            path=path,
            task_input=task_input,
        )
    )
    said = f"Sub workflow {_label(row)} {_SAID.get(operation, operation)}."
    turn.emit(ev.TaskLogged(ordinal=row.ordinal, lines=((said, turn.context.now_ms),)))


_SAID = {"rerun": "reran"}


def _label(row: TaskState) -> str:
    """Name, version and id of a row's child, as far as the row says them."""
    given = row.input
    definition = given.get("subWorkflowDefinition")
    version = given.get("subWorkflowVersion")
    if version is None and isinstance(definition, dict):
        version = definition.get("version", 1)
    return f"{given.get('subWorkflowName')}.{version}/{row.child_id}"


def rewound(turn: Turn, row: TaskState, number: int) -> None:
    """A DO_WHILE goes back to an earlier pass; what later ones put out is gone."""
    output = {
        key: value for key, value in row.output.items() if not key.isdecimal() or int(key) < number
    }
    output["iteration"] = number
    if "loopIndex" in output:
        task, _ = turn.definition_of(row)
        items = do_while.items_of(turn, row, task) or []
        output |= {"loopIndex": number - 1, "loopItem": (items + [None] * number)[number - 1]}
    _as_it_stood(turn, row, output=output, iteration=number)


def _as_it_stood(
    turn: Turn, row: TaskState, *, output: dict[str, Any], iteration: int | None = None
) -> None:
    failed = row.status is not TaskStatus.CANCELED and not row.status.successful
    made = msgspec.structs.replace(
        row.made,
        status=TaskStatus.IN_PROGRESS,
        input=row.input,
        output=output,
        retry_count=row.made.retry_count + failed,
        first_scheduled_ms=None,
        reason=None,
    )
    turn.emit(reopening_of(made, iteration=iteration))
