"""A workflow with its children and theirs: each a real workflow, with the scheduler's fold between.

The scheduler's fold reads every commit, as in a running system; what it says is waiting is all
that can happen. Messages between workflows are steps of their own, so they come in any order.
"""

from collections.abc import Callable
from random import Random

from firmus.clock import FixedClock
from firmus.scheduler import child_requests, children
from firmus.scheduler.fold import Fold
from firmus.scheduler.rows import Row
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.envelope import Record
from firmus_contracts.statuses import ResultStatus, TaskStatus, WorkflowStatus
from tests.flow import START_MS, WORKFLOW, Flow
from tests.properties.definitions import Tasks

ENDS = (
    ResultStatus.COMPLETED,
    ResultStatus.COMPLETED,
    ResultStatus.COMPLETED,
    ResultStatus.COMPLETED,
    ResultStatus.FAILED,
    ResultStatus.FAILED_WITH_TERMINAL_ERROR,
    ResultStatus.IN_PROGRESS,
)
PEOPLES = {"HUMAN", "PULL_WORKFLOW_MESSAGES"}
Move = Callable[[], None]


class Family:
    """`flows` by workflow id, the eldest first. `said` holds every command that was sent, `kept`
    those between workflows that are on their way.
    """

    def __init__(self, tasks: Tasks, picks: Random, *, events_max: int) -> None:
        self.clock = FixedClock(START_MS)
        self.fold = Fold(1, [0])
        self.flows: dict[str, Flow] = {}
        self.said: list[cmd.Command] = []
        self.kept: list[cmd.Command] = []
        self._picks, self._events_max = picks, events_max
        self._position = 0
        first = Flow(*tasks, events_max=events_max, clock=self.clock)
        self.flows[WORKFLOW] = first
        self.send(
            cmd.StartWorkflow(command_id="s", workflow_id=WORKFLOW, name="flow", input={"x": 1})
        )

    def states(self) -> list[WorkflowState]:
        return [flow.state for flow in self.flows.values() if flow.state is not None]

    def send(self, command: cmd.Command) -> None:
        """Has a command decided, and the scheduler read what came of it."""
        self.said.append(command)
        flow = self.flows[command.workflow_id]
        before = len(flow.commits)
        flow.submit(command)
        for commit in flow.commits[before:]:
            self._position += 1
            record = Record(
                position=self._position, workflow_id=commit.workflow_id, digest="", body=commit
            )
            self.fold.apply(record)
            self.fold.apply(record)  # read twice, as after a restart from a checkpoint

    def moves(self) -> list[Move]:
        """All that can happen next, by the scheduler's account and by people's will."""
        found: list[Move] = [self._delivery(command) for command in self.kept]
        found += [self._effect(effect) for effect in self.fold.owed.values()]
        for flow in self.fold.shards[0].flows.values():
            found += [self._of_row(row) for row in flow.rows.values() if self._can_move(row)]
        for state in self.states():
            found += [
                self._of_person(state, row)
                for row in state.rows()
                if not row.status.terminal and row.made.task_type in PEOPLES
            ]
        return found

    def step(self, moves: list[Move]) -> None:
        self._picks.choice(moves)()

    def repeat(self) -> None:
        """Sends some earlier command again: nothing may come of it."""
        command = self._picks.choice(self.said)
        states, owed = self.states(), dict(self.fold.owed)
        self.send(command)
        assert self.states() == states, f"{command} did something when it came again"
        assert self.fold.owed == owed

    def waits(self, state: WorkflowState) -> bool:
        """Whether something is under way that will move a running workflow on."""
        known = self.fold.shards[0].flows[state.workflow_id].rows
        open_rows = [row for row in state.rows() if not row.status.terminal]
        if any(row.made.task_type in PEOPLES for row in open_rows):
            return True
        if self._goes_on(state):
            return True
        return any(
            self._can_move(known[row.ordinal]) or self._lives(row)
            for row in open_rows
            if row.ordinal in known
        )

    def forgets(self, state: WorkflowState) -> list[TaskState]:
        """Rows that are over while their child works on and nobody is about to stop it."""
        stopped = {c.workflow_id for c in self.kept if isinstance(c, cmd.TerminateWorkflow)}
        stopped |= {c.child_id for c in self.kept if isinstance(c, cmd.ReportChildStarted)}
        owed = self.fold.owed.values()
        stopped |= {e.child_id for e in owed if isinstance(e, children.StopChild)}
        if self._goes_on(state):
            return []
        return [
            row
            for row in state.tasks.values()
            if row.status.terminal
            and row.child_id in self.fold.shards[0].flows
            and row.child_id not in stopped
        ]

    def _goes_on(self, state: WorkflowState) -> bool:
        """Whether the rest of a split decision is on its way."""
        owed = [e for e in self.fold.owed.values() if isinstance(e, children.GoOn)]
        on_their_way = [c for c in self.kept if isinstance(c, cmd.Continue)]
        return any(one.workflow_id == state.workflow_id for one in (*owed, *on_their_way))

    def _lives(self, row: TaskState) -> bool:
        """Whether a row's child is open, or the word of its end is on its way."""
        child = self.flows.get(row.child_id or "")
        if child is None or child.state is None:
            return False
        told = {effect.workflow_id for effect in self.fold.owed.values()}
        told |= {c.child_id for c in self.kept if isinstance(c, cmd.ReportChildEnded)}
        return not child.state.status.terminal or child.workflow_id in told

    def _can_move(self, row: Row) -> bool:
        if row.child_id is not None:
            return row.order != 0 and row.child_id not in self.flows
        return row.queued or row.waits_ms > 0

    def _of_row(self, row: Row) -> Move:
        if row.child_id is not None:
            return lambda: self._start_child(row)
        return lambda: self._timer(row) if row.waits_ms else self._work(row)

    def _work(self, row: Row) -> None:
        """A worker takes the task, or reports on it."""
        base = {"workflow_id": row.workflow_id, "task_id": row.task_id, "command_id": self._name()}
        if not row.in_progress:
            self.clock.advance(max(0, row.due_ms - self.clock.now_ms()))
            self.send(cmd.BeginTask(**base, worker_id="w"))
            return
        output = {"by": row.task_id}
        self.send(cmd.UpdateTask(**base, status=self._picks.choice(ENDS), output=output))

    def _timer(self, row: Row) -> None:
        self.clock.advance(max(0, row.waits_ms - self.clock.now_ms()))
        for due in self.fold.timeline.due(self.clock.now_ms(), 100):
            name = self._name()
            self.send(
                cmd.FireTimer(command_id=name, workflow_id=due.workflow_id, task_id=due.task_id)
            )

    def _of_person(self, state: WorkflowState, row: TaskState) -> Move:
        where = {"workflow_id": state.workflow_id}
        if row.made.task_type == "HUMAN":
            task_id = state.task_id(row.ordinal)
            return lambda: self.send(
                cmd.UpdateTask(
                    command_id=self._name(), **where, task_id=task_id, status=ResultStatus.COMPLETED
                )
            )
        return lambda: self.send(
            cmd.PushMessage(command_id=self._name(), **where, payload={"n": 1})
        )

    def _start_child(self, row: Row) -> None:
        """The child begins; its parent hears of it later."""
        parent = self.flows[row.workflow_id].state
        assert parent is not None
        start = child_requests.start_child(parent, parent.tasks[row.ordinal])
        definition = decode_workflow_def(bytes(start.definition))
        child = Flow(workflow_id=start.workflow_id, clock=self.clock, events_max=self._events_max)
        child.blueprint = Blueprint(definition, "0" * 64)
        self.flows[start.workflow_id] = child
        self.send(start)
        self.kept.append(
            cmd.ReportChildStarted(
                command_id=f"{start.workflow_id}/started",
                workflow_id=row.workflow_id,
                task_id=row.task_id,
                child_id=start.workflow_id,
            )
        )

    def _effect(self, effect: children.Effect) -> Move:
        def carried_out() -> None:
            self.fold.owed.pop(effect.command_id, None)
            command = self._command(effect)
            if command is not None and command.workflow_id in self.flows:
                self.kept.append(command)

        return carried_out

    def _command(self, effect: children.Effect) -> cmd.Command | None:
        match effect:
            case children.GoOn():
                return children.go_on(effect)
            case children.StopChild():
                return children.stop_child(effect)
            case children.ChildEnded():
                child = self.flows[effect.workflow_id].state
                assert child is not None
                return children.report_child_ended(effect, child)
            case _:
                raise AssertionError(effect)

    def _delivery(self, command: cmd.Command) -> Move:
        def delivered() -> None:
            self.kept.remove(command)
            self.send(command)
            if isinstance(command, cmd.ReportChildStarted):
                self._stop_orphan(command)

        return delivered

    def _stop_orphan(self, told: cmd.ReportChildStarted) -> None:
        """A child whose task was over before it was told of it ends as well."""
        child = self.flows[told.child_id].state
        if self.fold.row(told.task_id) is None and child and not child.status.terminal:
            self.kept.append(
                cmd.TerminateWorkflow(
                    command_id=f"{told.child_id}/orphaned",
                    workflow_id=told.child_id,
                    by_parent=True,
                )
            )

    def _name(self) -> str:
        return f"c{len(self.said)}"


def told_of(row: TaskState, child: WorkflowState) -> None:
    """A row of a child that has ended says what the child said (spec 3.6.14)."""
    assert row.child_id == child.workflow_id
    if row.status is TaskStatus.COMPLETED:
        assert child.status is WorkflowStatus.COMPLETED
        assert row.output == {**child.output, "subWorkflowId": child.workflow_id}
    if row.status is TaskStatus.FAILED:
        assert child.status is WorkflowStatus.FAILED
