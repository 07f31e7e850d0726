"""A test of a workflow by mocked results (spec 5.12): who answers a task, in which order, and when
the test stops.

Like Conductor it goes in rounds. Each round answers every open task; before it, a task without
mocks stops the test, whatever else could go on. Time is the world's own: a retry's delay and a
mock's `executionTime` and `queueWaitTime` pass at once. A mock says how its attempt ended, so no
timeout ends it before; a mock that leaves its task IN_PROGRESS may run out of time.
"""

from collections import deque

import msgspec

from firmus.rehearsal.effects import settle
from firmus.rehearsal.world import Steps, World
from firmus.workflow.deadlines import deadlines_of
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.requests import TaskMock, WorkflowTestRequest
from firmus_contracts.statuses import TaskStatus

MOVED_FROM_WITHIN = frozenset(
    {
        *("FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN"),
        *("DO_WHILE", "FOR_EACH", "TRY_CATCH", "SWITCH", "DECISION", "DYNAMIC"),
        *("INLINE", "LAMBDA", "JSON_JQ_TRANSFORM", "SET_VARIABLE", "NOOP", "TERMINATE"),
        "SUB_WORKFLOW",
    }
)
"""Types of tasks that no worker answers."""


class Mocks:
    """The mocks of one workflow that are left, by full reference (`ref__2` in a loop), and those
    of its sub-workflows by the reference of their task.
    """

    def __init__(self, request: WorkflowTestRequest) -> None:
        self._left = {ref: deque(mocks) for ref, mocks in request.task_ref_to_mock_output.items()}
        self.children = {
            ref: Mocks(inner) for ref, inner in request.sub_workflow_test_request.items()
        }

    @property
    def references(self) -> int:
        return len(self._left)

    def covers(self, ref: str) -> bool:
        """A reference counts as covered until it was asked in vain."""
        return ref in self._left

    def take(self, ref: str) -> TaskMock | None:
        left = self._left.get(ref)
        if left:
            return left.popleft()
        self._left.pop(ref, None)
        return None


def play(world: World, start: cmd.StartWorkflow, mocks: Mocks) -> Steps[cmd.Rejected | str | None]:
    """The refusal of the start, or why the test stopped before its end; None when it ended.

    Raises TooMuch.
    """
    outcome = yield from world.send(start)
    if isinstance(outcome, cmd.Rejected):
        return outcome
    yield from settle(world, _is_sub_workflow)
    return (yield from _rounds(world, start.workflow_id, mocks))


def _is_sub_workflow(_state: WorkflowState, row: TaskState) -> bool:
    return row.made.task_type == "SUB_WORKFLOW"


def _rounds(world: World, workflow_id: str, mocks: Mocks) -> Steps[str | None]:
    while True:
        state = world.states[workflow_id]
        if state.status.terminal:
            return None
        rows = _open(state)
        lacking = [
            row
            for row in rows
            if row.made.task_type not in MOVED_FROM_WITHIN and not mocks.covers(row.ref)
        ]
        if lacking:
            refs = ", ".join(f"{row.ref} ({row.made.task_type})" for row in lacking)
            return f"{state.name}: no mock is left for {refs}"
        before = len(world.commits), mocks.references
        reasons = yield from _round(world, workflow_id, rows, mocks)
        if (len(world.commits), mocks.references) == before:
            refs = ", ".join(f"{row.ref} ({row.made.task_type})" for row in rows)
            return "; ".join(reasons) or f"{state.name}: nothing moves {refs}"


def _open(state: WorkflowState) -> list[TaskState]:
    """The open rows in the order of REST; every one of them is still to be acted on."""
    rows = [row for ordinal in state.pending if not (row := state.tasks[ordinal]).status.terminal]
    return sorted(rows, key=lambda row: (row.made.seq, row.ordinal))


class _Turn(msgspec.Struct, frozen=True, order=True):
    """A moment of a round: a task begins, or its mock tells its end."""

    at_ms: int
    place: int
    ends: bool


def _round(world: World, workflow_id: str, rows: list[TaskState], mocks: Mocks) -> Steps[list[str]]:
    """Answers every row, in the order of time; returns why sub-workflows stopped."""
    taken: dict[int, TaskMock] = {}
    turns = []
    for place, row in enumerate(rows):
        if row.made.task_type == "SUB_WORKFLOW":
            turns.append(_Turn(world.now_ms, place, False))
        elif row.made.task_type not in MOVED_FROM_WITHIN and (mock := mocks.take(row.ref)):
            taken[place] = mock
            begins_ms = max(world.now_ms, row.due_ms) + max(mock.queue_wait_time, 0)
            ends_ms = begins_ms + max(mock.execution_time, 0)
            turns += [_Turn(begins_ms, place, False), _Turn(ends_ms, place, True)]
    reasons: list[str] = []
    for turn in sorted(turns):
        world.advance_to(turn.at_ms)
        row = rows[turn.place]
        task_id = ids.task_id(workflow_id, row.ordinal)
        if row.made.task_type == "SUB_WORKFLOW":
            reasons += yield from _child(world, row, mocks)
        elif turn.ends:
            yield from _tell(world, task_id, taken[turn.place])
        else:
            yield from _begin(world, task_id)
        yield from settle(world, _is_sub_workflow)
    return reasons


def _child(world: World, row: TaskState, mocks: Mocks) -> Steps[list[str]]:
    inner = mocks.children.get(row.ref)
    if row.child_id is None or row.child_id not in world.states:
        return []
    if inner is None:
        return [f"subWorkflowTestRequest has no mocks for {row.ref} (SUB_WORKFLOW)"]
    reason = yield from _rounds(world, row.child_id, inner)
    return [] if reason is None else [f"{row.ref}: {reason}"]


def _begin(world: World, task_id: str) -> Steps[None]:
    """Hands out a task that waits in a queue; others are told only how they end."""
    row = world.row(task_id)
    if row is not None and row.made.queued and row.status is TaskStatus.SCHEDULED:
        command_id = world.command_id()
        workflow_id = ids.workflow_of(task_id)
        yield from world.send(
            cmd.BeginTask(command_id=command_id, workflow_id=workflow_id, task_id=task_id)
        )


def _tell(world: World, task_id: str, mock: TaskMock) -> Steps[None]:
    """Reports what the mock says; a task that it leaves open may have run out of time by then."""
    row = world.row(task_id)
    if row is None or row.status.terminal:
        return
    workflow_id = ids.workflow_of(task_id)
    yield from world.send(
        cmd.UpdateTask(
            command_id=world.command_id(),
            workflow_id=workflow_id,
            task_id=task_id,
            status=mock.status,
            output={**row.output, **(mock.output or {})},
        )
    )
    row = world.row(task_id)
    if row is not None and any(at_ms <= world.now_ms for _, at_ms in deadlines_of(row)):
        fired = cmd.FireTimer(
            command_id=world.command_id(), workflow_id=workflow_id, task_id=task_id
        )
        yield from world.send(fired)
