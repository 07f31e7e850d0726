"""The decide loop: looks at every row that may move something, until nothing moves (spec 3.2, 3.3).

One pass costs what it touches, not what the workflow holds: only rows that an event concerns are
looked at.
"""

from firmus.decider import containment, ending, failing, retrying
from firmus.decider.context import Wanted, WantsMore, WorkflowFault, workflow_status_after
from firmus.decider.operators import fork_join_dynamic, join
from firmus.decider.operators.registry import operator_for, plan_task
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus.workflow.walk import BRANCHING, follower
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def begin(turn: Turn) -> None:
    """Plans the first task of the definition."""
    tasks = turn.context.blueprint.definition.tasks
    if not tasks:
        ending.complete(turn)
        return
    plan = Plan(turn)
    try:
        plan_task(plan, tasks[0])
    except WorkflowFault as fault:
        ending.fail(turn, fault.status, fault.reason)
        return
    plan.make()


def advance(turn: Turn) -> Wanted | None:
    """Works the list off. Returns what is wanted from outside, after all else has moved."""
    wanted: list[Wanted] = []
    waiting: list[int] = []
    while turn.todo and turn.state.status is WorkflowStatus.RUNNING:
        if turn.cut or len(turn.events) >= turn.context.limits.events_max:
            turn.note_settled()
            turn.emit(ev.DecisionSplit())
            return None
        ordinal = turn.todo.popleft()
        try:
            _look_at_or_fail(turn, ordinal)
        except WantsMore as more:
            wanted.append(more.wanted)
            waiting.append(ordinal)
    if waiting and turn.state.status is WorkflowStatus.RUNNING:
        turn.todo.extend(waiting)
        return merged(wanted)
    if turn.state.status is WorkflowStatus.PAUSED:
        _end_joins(turn)
    return _finish(turn)


def _end_joins(turn: Turn) -> None:
    """A JOIN whose branches have all ended well ends while the workflow is paused too, as in
    Conductor, which looks at joins apart from all else (spec 5.2). What follows waits for resume.
    """
    while turn.todo:
        row = turn.state.tasks.get(turn.todo.popleft())
        waits = row is not None and row.made.task_type == "JOIN" and not row.status.terminal
        if row is not None and waits and join.succeeds(turn, row):
            join.execute(turn, row)


def _look_at_or_fail(turn: Turn, ordinal: int) -> None:
    try:
        look_at(turn, ordinal)
    except WorkflowFault as fault:
        failing.cannot_plan(turn, turn.state.tasks[ordinal], fault)


def _finish(turn: Turn) -> Wanted | None:
    """Ends the workflow when nothing is left to do."""
    running = turn.state.status is WorkflowStatus.RUNNING
    if running and not turn.state.held and len(turn.state.pending) == len(turn.settled):
        try:
            _complete(turn)
        except WantsMore as more:
            return more.wanted
    turn.note_settled()
    return None


def merged(wanted: list[Wanted]) -> Wanted:
    scripts = {need.key: need for want in wanted for need in want.scripts}
    return Wanted(
        scripts=tuple(scripts.values()),
        task_defs=tuple(sorted({name for want in wanted for name in want.task_defs})),
        definitions=tuple({key: None for want in wanted for key in want.definitions}),
        cache_keys=tuple({key: None for want in wanted for key in want.cache_keys}),
    )


def look_at(turn: Turn, ordinal: int) -> None:
    """Does what one row calls for: moves an operator on, retries a failure, or goes on after it."""
    row = turn.state.tasks.get(ordinal)
    if row is None or row.retried or row.settled or ordinal in turn.settled:
        return
    if not row.status.terminal:
        operator = operator_for(row.made.task_type)
        if operator is not None and operator.execute is not None:
            operator.execute(turn, row)
        return
    if row.made.task_type in containment.CONTAINERS:
        containment.clear(turn, row)
    if not row.status.successful and not _forgiven(turn, row):
        return
    if row.made.task_type == "FORK" and fork_join_dynamic.next_part(turn, row):
        return
    _go_on_after(turn, turn.state.tasks[ordinal])


def _forgiven(turn: Turn, row: TaskState) -> bool:
    """Whether the workflow goes on after this failure (spec 3.3.1, 4.1, 4.4).

    False: a new attempt was made, or the workflow has ended.
    """
    task, task_def = turn.definition_of(row)
    if retrying.retry(turn, row, task, task_def):
        return False
    if turn.state.status is not WorkflowStatus.RUNNING:
        return False
    if task.optional:
        turn.emit(ev.TaskCompletedWithErrors(ordinal=row.ordinal))
        return True
    if task.permissive:
        return True
    status = workflow_status_after(row.status)
    failing.for_good(turn, row, status)
    return False


def _go_on_after(turn: Turn, row: TaskState) -> None:
    """Schedules what follows a row that is done with (spec 3.3.4)."""
    blueprint = turn.context.blueprint
    following = None
    suffix = row.ref.removeprefix(row.made.node) if row.made.node else ""
    if row.made.forked_by is None and not (
        row.made.task_type in BRANCHING and row.input.get("hasChildren")
    ):
        following = follower(blueprint, row.made.node or row.ref)
    if following is not None:
        made = row.made
        plan = Plan(turn, suffix=suffix, iteration=made.iteration, within=made.within)
        plan_task(plan, following)
        plan.make()
    turn.settle(row)


def _complete(turn: Turn) -> None:
    """All rows are done with: COMPLETED, unless a permissive task failed for good (spec 3.3.1).

    What failed inside a FOR_EACH or TRY_CATCH is that row's own affair.
    """
    latest = [turn.state.tasks[ordinal] for ordinal in turn.state.latest.values()]
    failed = [
        row
        for row in latest
        if not row.status.successful
        and not turn.definition_of(row)[0].optional
        and containment.around(turn.state, row.made) is None
    ]
    if not failed:
        ending.complete(turn)
        return
    failed.sort(key=lambda row: row.ordinal)
    reason = ". ".join(failing.blame(turn, row, row.status) for row in failed)
    ending.fail(turn, WorkflowStatus.FAILED, reason, ordinal=failed[0].ordinal)
