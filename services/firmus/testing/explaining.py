"""Why a workflow does not move, in words that say what a test can do about it."""

from datetime import timedelta

from firmus.rehearsal.mocks import MOVED_FROM_WITHIN
from firmus.testing.play import Play, Scope
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts.statuses import TaskStatus


def explained(play: Play, state: WorkflowState) -> str:
    """The whole message of a workflow that cannot go on."""
    lines = [f"{state.name} is {state.status} and nothing moves it any more:"]
    lines += [f"  {one}" for one in waits(play, state)]
    unasked = _unasked(play.scope_of(state))
    if unasked:
        lines.append(f"  never asked for so far: the answers for {', '.join(unasked)}")
    return "\n".join(lines)


def waits(play: Play, state: WorkflowState) -> list[str]:
    """One line for each task that waits for something outside; sub-workflows tell theirs."""
    if state.status.terminal:
        return []
    found = []
    if state.status == "PAUSED":
        found.append("it is paused: run.resume()")
    for row in state.rows():
        if row.status.terminal:
            continue
        child = play.world.states.get(row.child_id or "")
        if child is not None and row.made.task_type == "SUB_WORKFLOW":
            found += [f"{row.ref} > {one}" for one in waits(play, child)]
        elif row.made.task_type not in MOVED_FROM_WITHIN:
            found.append(f"{row.ref} ({_kind(row)}) {_why(play, state, row)}")
    return found


def _kind(row: TaskState) -> str:
    """A worker's task is of the type that it is called."""
    kind = row.made.task_type
    return f"worker task {kind}" if kind == row.made.task_def_name else kind


def _why(play: Play, state: WorkflowState, row: TaskState) -> str:
    now_ms, ref = play.world.now_ms, base_ref(row.made)
    if row.made.task_type == "WAIT" and row.made.deadline_ms:
        return f"waits for another {_span(row.made.deadline_ms - now_ms)}"
    if row.made.queued and row.status is TaskStatus.IN_PROGRESS:
        return "was handed out and has not been answered"
    if row.made.queued and row.due_ms > now_ms:
        return f"is due in {_span(row.due_ms - now_ms)}"
    source = play.scope_of(state).find(row)
    if source is not None and source.used_up:
        return f"waits for an answer: the {source.used} given were used"
    if row.made.queued:
        return f'waits for an answer: tasks={{"{ref}": …}}, or run.complete("{row.ref}", …)'
    return f'waits for somebody: run.complete("{row.ref}", …), or tasks={{"{ref}": …}}'


def _span(ms: int) -> str:
    return str(timedelta(seconds=ms // 1000))


def _unasked(scope: Scope) -> list[str]:
    return [
        key for key, source in scope.sources.items() if not source.used and not source.sub_tasks
    ]
