"""A test by mocked results in which time passes: the other way to play what `mocks` plays.

Nothing waits for the rounds of others. A mock is handed out after its `queueWaitTime` and told
after its `executionTime`, delays and WAITs end, and whatever runs out of time times out. The test
stops when nothing happens by itself any more.
"""

from firmus.rehearsal.agenda import STARTERS, Agenda, Reply
from firmus.rehearsal.mocks import MOVED_FROM_WITHIN, Mocks
from firmus.rehearsal.world import Steps, World
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids


def play_timed(
    world: World, start: cmd.StartWorkflow, mocks: Mocks
) -> Steps[cmd.Rejected | str | None]:
    """The refusal of the start, or why the test stopped before its end; None when it ended.

    Raises TooMuch.
    """
    tests = {start.workflow_id: mocks}

    def mocks_of(state: WorkflowState) -> Mocks | None:
        """None for a workflow that is no part of the test: one that a failure started."""
        found = tests.get(state.workflow_id)
        if found is None and state.parent_workflow_id and state.parent_task_id:
            parent = world.states.get(state.parent_workflow_id)
            above = None if parent is None else mocks_of(parent)
            if parent is not None and above is not None:
                row = parent.tasks.get(ids.ordinal_of(state.parent_task_id))
                found = None if row is None else above.children.get(row.ref)
        return found

    def answer(state: WorkflowState, row: TaskState) -> Reply | None:
        own = mocks_of(state)
        mock = None
        if own is not None and row.made.task_type not in MOVED_FROM_WITHIN:
            mock = own.take(row.ref)
        if mock is not None:
            return Reply(
                status=mock.status,
                output={**row.output, **(mock.output or {})},
                wait_ms=max(mock.queue_wait_time, 0),
                after_ms=max(mock.execution_time, 0),
            )
        is_other = row.made.task_type in STARTERS - MOVED_FROM_WITHIN
        return Reply(status=None) if is_other else None

    agenda = Agenda(world, answer)
    outcome = yield from world.send(start)
    if isinstance(outcome, cmd.Rejected):
        return outcome
    state = world.states
    done = yield from agenda.pass_until(lambda: state[start.workflow_id].status.terminal)
    return None if done else f"Nothing moves {', '.join(_open(world, start.workflow_id))}"


def _open(world: World, workflow_id: str) -> list[str]:
    """The tasks that wait for a mock, those of sub-workflows below their task."""
    found = []
    for row in world.states[workflow_id].rows():
        if row.status.terminal:
            continue
        if row.child_id in world.states:
            found += [f"{row.ref} > {one}" for one in _open(world, row.child_id or "")]
        elif row.made.task_type not in MOVED_FROM_WITHIN:
            found.append(f"{row.ref} ({row.made.task_type})")
    return found
