"""What happens when in a world that is played freely: tasks handed out, answers, deadlines.

Everything that waits for a moment stands on one agenda. Nothing is taken off it when the log moves
on: an entry that no longer counts is passed over when its moment comes, and time does not stop at
it. At one moment the entry made first comes first.
"""

import itertools
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Literal

import msgspec

from firmus.decider.timeouts import workflow_deadline_ms
from firmus.rehearsal.effects import settle
from firmus.rehearsal.mocks import MOVED_FROM_WITHIN
from firmus.rehearsal.world import Steps, World
from firmus.workflow.deadlines import deadlines_of
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Commit
from firmus_contracts.statuses import ResultStatus, TaskStatus

STARTERS = frozenset({"SUB_WORKFLOW", "START_WORKFLOW"})


_ROW_ANEW = frozenset({"task.scheduled", "task.reopened"})
_CLOCK_ANEW = frozenset(
    {
        *("workflow.started", "workflow.resumed", "workflow.restarted"),
        *("workflow.retried", "workflow.rerun", "workflow.revived"),
    }
)
"""Events after which deadlines of the workflow and its rows count from another moment."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is answered: handed out after it waited for `wait_ms` in its queue, answered
    `after_ms` later. `status` None: never, it is handed out and nothing more is heard.
    """

    status: ResultStatus | None = ResultStatus.COMPLETED
    output: dict[str, object] = {}
    reason: str | None = None
    wait_ms: int = 0
    after_ms: int = 0
    callback_after_s: int = 0


Player = Callable[[WorkflowState, TaskState], Reply | None]
"""What is answered to an open task; None: nobody takes it. Of a SUB_WORKFLOW or START_WORKFLOW that
nobody answers the workflow itself is started.
"""


class Entry(msgspec.Struct, frozen=True):
    """`ask`: a task may be handed out; `tell`: its answer comes; `fire`: a deadline passes, of a
    workflow when the id is one's.
    """

    at_ms: int
    serial: int
    kind: Literal["ask", "tell", "fire"]
    subject: str
    reply: Reply | None = None


class Agenda:
    """Plays a world, whose watch it is."""

    def __init__(self, world: World, player: Player) -> None:
        self._world = world
        self._player = player
        world.watch = self.noted
        self._entries: list[tuple[int, int, Entry]] = []
        self._serial = itertools.count()
        self._parked: list[tuple[str, Reply | None]] = []
        self._asked: dict[str, tuple[int, int]] = {}

    def noted(self, commit: Commit) -> None:
        """Puts on the agenda what a commit asks for."""
        state = self._world.states[commit.workflow_id]
        clock_anew = False
        for event in commit.events:
            ordinal, tag = getattr(event, "ordinal", None), ev.tag_of(event)
            if ordinal is not None:
                self._note_row(state, ordinal, anew=tag in _ROW_ANEW)
            clock_anew = clock_anew or tag in _CLOCK_ANEW
        if not clock_anew:
            return
        at_ms = workflow_deadline_ms(state)
        if at_ms is not None:
            self._push(at_ms, "fire", commit.workflow_id)
        if commit.first_version > 1:
            for ordinal in list(state.tasks):
                self._note_row(state, ordinal, anew=False)

    def _note_row(self, state: WorkflowState, ordinal: int, *, anew: bool) -> None:
        """`anew`: whoever was asked about it was asked about something else."""
        row = state.tasks.get(ordinal)
        if row is None or row.status.terminal:
            return
        task_id = state.task_id(ordinal)
        if anew:
            self._asked.pop(task_id, None)
        if row.made.queued:
            if row.status is TaskStatus.SCHEDULED:
                self._ask(task_id, row.due_ms, (row.due_ms, row.poll_count))
        elif row.made.task_type not in MOVED_FROM_WITHIN | STARTERS:
            self._ask(task_id, self._world.now_ms, (0, 0))
        for _, at_ms in deadlines_of(row):
            self._push(at_ms, "fire", task_id)

    def _ask(self, task_id: str, at_ms: int, turn: tuple[int, int]) -> None:
        """Once in each turn of a task in its queue."""
        if self._asked.get(task_id) != turn:
            self._asked[task_id] = turn
            self._push(at_ms, "ask", task_id)

    def _push(
        self,
        at_ms: int,
        kind: Literal["ask", "tell", "fire"],
        subject: str,
        reply: Reply | None = None,
    ) -> None:
        entry = Entry(at_ms, next(self._serial), kind, subject, reply)
        heappush(self._entries, (at_ms, entry.serial, entry))

    def next_ms(self) -> int | None:
        """The next moment at which something happens by itself, epoch milliseconds."""
        own_ms = self._first_ms()
        child_ms = self._world.fold.children.next_due_ms()
        if child_ms is None or child_ms <= self._world.now_ms:
            return own_ms
        return child_ms if own_ms is None else min(own_ms, child_ms)

    def _first_ms(self) -> int | None:
        entries = self._entries
        while entries and not self._counts(entries[0][2]):
            heappop(entries)
        return entries[0][0] if entries else None

    def work(self) -> Steps[None]:
        """Everything that is due, without time passing. Raises TooMuch."""
        yield from settle(self._world, self._starts)
        while (at_ms := self._first_ms()) is not None and at_ms <= self._world.now_ms:
            yield from self._do(heappop(self._entries)[2])
            yield from settle(self._world, self._starts)

    def pass_to(self, at_ms: int) -> Steps[None]:
        """Lets time pass up to a moment, and everything happen that falls into it."""
        yield from self.work()
        while (next_ms := self.next_ms()) is not None and next_ms <= at_ms:
            self._world.advance_to(next_ms)
            yield from self.work()
        self._world.advance_to(at_ms)

    def pass_until(self, over: Callable[[], bool]) -> Steps[bool]:
        """Lets time pass until `over`; False when it is not, and nothing happens by itself."""
        yield from self.work()
        while not over():
            next_ms = self.next_ms()
            if next_ms is None:
                return False
            self._world.advance_to(next_ms)
            yield from self.work()
        return True

    def _counts(self, entry: Entry) -> bool:
        """Whether the log has not moved past an entry."""
        state = self._world.states[ids.workflow_of(entry.subject)]
        if state.status.terminal:
            return False
        if entry.subject == state.workflow_id:
            at_ms = workflow_deadline_ms(state)
            return at_ms is not None and at_ms <= entry.at_ms
        row = state.tasks.get(ids.ordinal_of(entry.subject))
        if row is None:  # a loop has let its pass go, or it was run again without it
            return False
        match entry.kind:
            case "fire":
                return any(at_ms <= entry.at_ms for _, at_ms in deadlines_of(row))
            case "ask" if row.made.queued:
                return row.status is TaskStatus.SCHEDULED
            case _:
                return not row.status.terminal

    def _do(self, entry: Entry) -> Steps[None]:
        if entry.kind == "ask":
            yield from self._hand_out(entry.subject, entry.reply)
            return
        if entry.kind == "tell":
            assert entry.reply is not None
            yield from self._tell(entry.subject, entry.reply)
        else:
            workflow_id = ids.workflow_of(entry.subject)
            task_id = None if entry.subject == workflow_id else entry.subject
            command_id = self._world.command_id()
            yield from self._world.send(
                cmd.FireTimer(command_id=command_id, workflow_id=workflow_id, task_id=task_id)
            )
        parked, self._parked = self._parked, []
        for task_id, reply in parked:
            self._push(self._world.now_ms, "ask", task_id, reply)

    def _hand_out(self, task_id: str, reply: Reply | None) -> Steps[None]:
        """`reply` is given once somebody was asked for it."""
        state = self._world.states[ids.workflow_of(task_id)]
        row = state.tasks[ids.ordinal_of(task_id)]
        if reply is None:
            reply = self._player(state, row)
            if reply is None:
                return
            if reply.wait_ms > 0:
                self._push(self._world.now_ms + reply.wait_ms, "ask", task_id, reply)
                return
        if row.made.queued:
            if self._is_held(task_id, reply):
                return
            yield from self.begin(task_id)
        if reply.status is not None:
            self._push(self._world.now_ms + reply.after_ms, "tell", task_id, reply)

    def _is_held(self, task_id: str, reply: Reply) -> bool:
        """Whether a limit of its definition keeps a task waiting: until a moment, or until another
        one ends.
        """
        fold, now_ms = self._world.fold, self._world.now_ms
        waiting = fold.row(task_id)
        gate = None if waiting is None else fold.gates.of(waiting)
        if gate is None or gate.free(now_ms) > 0:
            return False
        opens_ms = gate.opens_ms(now_ms)
        if opens_ms:
            self._push(opens_ms, "ask", task_id, reply)
        else:
            self._parked.append((task_id, reply))
        return True

    def begin(self, task_id: str) -> Steps[object]:
        """Hands a queued task out."""
        return (
            yield from self._world.send(
                cmd.BeginTask(
                    command_id=self._world.command_id(),
                    workflow_id=ids.workflow_of(task_id),
                    task_id=task_id,
                    worker_id="test",
                )
            )
        )

    def _tell(self, task_id: str, reply: Reply) -> Steps[None]:
        assert reply.status is not None
        yield from self._world.send(
            cmd.UpdateTask(
                command_id=self._world.command_id(),
                workflow_id=ids.workflow_of(task_id),
                task_id=task_id,
                status=reply.status,
                output=reply.output,
                reason=reply.reason,
                callback_after_s=reply.callback_after_s,
            )
        )

    def _starts(self, state: WorkflowState, row: TaskState) -> bool:
        """Asks whether somebody answers in the place of the workflow that a row stands for."""
        reply = self._player(state, row)
        if reply is None:
            return True
        if reply.status is not None:
            at_ms = self._world.now_ms + reply.after_ms
            self._push(at_ms, "tell", state.task_id(row.ordinal), reply)
        return False
