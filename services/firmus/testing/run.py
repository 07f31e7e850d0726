"""A workflow in a test: what it has come to, and the time and people around it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from firmus.testing.answers import Duration, milliseconds, plain
from firmus.testing.explaining import explained, waits
from firmus.testing.play import Play
from firmus.testing.problems import Blocked, Refused
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import ResultStatus, TaskStatus


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a task. `attempt` counts from 1; `iteration` is the turn of its loop, 0
    outside. Times are seconds since the start of its workflow, None for what has not happened.
    """

    ref: str
    type: str
    name: str
    status: str
    attempt: int
    iteration: int
    input: dict[str, Any]
    output: dict[str, Any]
    reason: str | None
    task_id: str
    scheduled_s: float
    started_s: float | None
    ended_s: float | None


class Run:
    """A workflow that is being played. All that is due now has happened whenever you look."""

    def __init__(self, play: Play, workflow_id: str) -> None:
        self._play = play
        self.workflow_id = workflow_id

    # --- what it has come to ---

    @property
    def state(self) -> WorkflowState:
        """The state that the rules work on."""
        return self._play.world.states[self.workflow_id]

    @property
    def status(self) -> str:
        return self.state.status.value

    @property
    def output(self) -> dict[str, Any]:
        return self.state.output

    @property
    def variables(self) -> dict[str, Any]:
        return self.state.variables

    @property
    def reason(self) -> str | None:
        """Why it failed, timed out or was terminated."""
        return self.state.reason

    @property
    def tasks(self) -> list[TaskView]:
        """All attempts of all tasks in the order of their scheduling."""
        return [self._view(row) for row in self.state.rows()]

    @property
    def scheduled(self) -> list[str]:
        """The references of all attempts in the order of their scheduling."""
        return [row.ref for row in self.state.rows()]

    @property
    def statuses(self) -> list[str]:
        """`ref STATUS` of every attempt, in the order of scheduling."""
        return [f"{row.ref} {row.status}" for row in self.state.rows()]

    @property
    def events(self) -> list[str]:
        """What happened, as the log would hold it: tags, with the task's reference."""
        refs: dict[int, str] = {}
        told = []
        for commit in self._play.world.commits:
            if commit.workflow_id != self.workflow_id:
                continue
            for event in commit.events:
                if isinstance(event, ev.TaskScheduled):
                    refs[event.ordinal] = event.ref
                ordinal = getattr(event, "ordinal", None)
                tag = ev.tag_of(event)
                told.append(tag if ordinal is None else f"{tag} {refs[ordinal]}")
        return told

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self._play.world.now_ms / 1000, UTC)

    @property
    def elapsed_s(self) -> float:
        """How long the workflow took, or has been open, on its own clock."""
        state = self.state
        return ((state.ended_ms or self._play.world.now_ms) - state.created_ms) / 1000

    @property
    def waiting(self) -> list[str]:
        """What it waits for, in words; nothing once it has ended."""
        return waits(self._play, self.state)

    def task(
        self, ref: str, *, attempt: int | None = None, iteration: int | None = None
    ) -> TaskView:
        """The newest attempt of a task, or a certain one (1 is the first). In a loop the reference
        may be the full one (`ref__2`), or the bare one for the last turn or that of `iteration`.

        Raises LookupError.
        """
        rows = [
            row
            for row in self.state.rows()
            if ref in {row.ref, base_ref(row.made)} and iteration in {None, row.made.iteration}
        ]
        if attempt is None:
            if rows:
                return self._view(max(rows, key=lambda row: row.made.ordinal))
        else:
            newest = max((row.made.iteration for row in rows), default=0)
            for row in rows:
                if (row.made.iteration, row.made.retry_count) == (newest, attempt - 1):
                    return self._view(row)
        wanted = ref if attempt is None else f"attempt {attempt} of {ref}"
        raise LookupError(f"no {wanted} in {self.statuses}")

    def calls(self, ref: str) -> list[dict[str, Any]]:
        """The inputs with which the answers for a task were asked."""
        rows = self.state.rows()
        asked = {self.state.task_id(r.ordinal) for r in rows if ref in {r.ref, base_ref(r.made)}}
        return [handed.input for handed in self._play.handed if handed.task_id in asked]

    def sub_workflow(self, ref: str) -> "Run":
        """The workflow that the newest attempt of a SUB_WORKFLOW or START_WORKFLOW task started.

        Raises LookupError.
        """
        row = self._row(ref)
        if row.child_id is None or row.child_id not in self._play.world.states:
            raise LookupError(f"{ref} has started no workflow: it is {row.status}")
        return Run(self._play, row.child_id)

    @property
    def failure_workflow(self) -> "Run | None":
        """The failure workflow, if one was started."""
        target = self.state.failure_workflow
        if target is None or target.workflow_id not in self._play.world.states:
            return None
        return Run(self._play, target.workflow_id)

    # --- time ---

    def until_blocked(self) -> "Run":
        """Does all that is due without time passing."""
        self._play.do(self._play.agenda.work())
        return self

    def advance(self, duration: Duration) -> "Run":
        """Lets time pass: timers fire, delayed tasks become due, answers that took time arrive."""
        at_ms = self._play.world.now_ms + milliseconds(duration)
        self._play.do(self._play.agenda.pass_to(at_ms))
        return self

    def finish(self) -> "Run":
        """Lets time pass until the workflow has ended, and its failure workflow with it.

        Raises Blocked when nothing moves it any more.
        """
        self._play.do(self._play.agenda.pass_until(lambda: _is_over(self)))
        if not self.state.status.terminal:
            raise Blocked(explained(self._play, self.state))
        return self

    # --- people, workers, operators of the system ---

    def complete(self, ref: str, output: Any = None) -> "Run":
        """Somebody completes an open task: a HUMAN, a WAIT, or a worker one that nobody answers."""
        return self._tell(ref, ResultStatus.COMPLETED, output, None)

    def fail(
        self,
        ref: str,
        reason: str = "failed in a test",
        *,
        output: Any = None,
        terminal: bool = False,
    ) -> "Run":
        status = ResultStatus.FAILED_WITH_TERMINAL_ERROR if terminal else ResultStatus.FAILED
        return self._tell(ref, status, output, reason)

    def pause(self) -> "Run":
        return self._send(cmd.PauseWorkflow)

    def resume(self) -> "Run":
        return self._send(cmd.ResumeWorkflow)

    def terminate(self, reason: str | None = None) -> "Run":
        return self._send(cmd.TerminateWorkflow, reason=reason)

    def retry(self) -> "Run":
        """It goes on from where it failed."""
        return self._send(cmd.RetryWorkflow)

    def restart(self) -> "Run":
        """It begins anew, once it has ended."""
        return self._send(cmd.RestartWorkflow)

    def rerun_from(self, ref: str) -> "Run":
        """It runs again from the newest attempt of a task on, once it has ended."""
        return self._send(cmd.RerunWorkflow, path=(self.state.task_id(self._row(ref).ordinal),))

    def skip(self, ref: str, output: Any = None) -> "Run":
        """The flow steps over a task that it has not reached yet."""
        return self._send(cmd.SkipTask, ref=ref, output=plain(output))

    def set_variables(self, variables: Mapping[str, Any]) -> "Run":
        return self._send(cmd.UpdateState, variables=plain(variables))

    def send_message(self, payload: Mapping[str, Any]) -> "Run":
        """A message for its PULL_WORKFLOW_MESSAGES tasks."""
        return self._send(cmd.PushMessage, payload=plain(payload))

    def _tell(self, ref: str, status: ResultStatus, output: Any, reason: str | None) -> "Run":
        row = self._row(ref)
        if row.status.terminal:
            raise Refused("CONFLICT", f"task {ref} is {row.status}")
        task_id = self.state.task_id(row.ordinal)
        if row.made.queued and row.status is TaskStatus.SCHEDULED:
            self._play.do(self._play.agenda.begin(task_id))
        return self._send(
            cmd.UpdateTask, task_id=task_id, status=status, output=plain(output), reason=reason
        )

    def _send(self, kind: Any, **fields: Any) -> "Run":
        """Raises Refused."""
        command_id = self._play.world.command_id()
        command = kind(command_id=command_id, workflow_id=self.workflow_id, **fields)
        outcome = self._play.do(self._play.world.send(command))
        if isinstance(outcome, cmd.Rejected):
            raise Refused(outcome.code, outcome.message)
        return self.until_blocked()

    def _row(self, ref: str) -> TaskState:
        rows = [row for row in self.state.rows() if ref in {row.ref, base_ref(row.made)}]
        if not rows:
            raise LookupError(f"no task {ref} in {self.statuses}")
        return max(rows, key=lambda row: row.made.ordinal)

    def _view(self, row: TaskState) -> TaskView:
        state = self.state

        def since_start(at_ms: int) -> float | None:
            return (at_ms - state.created_ms) / 1000 if at_ms else None

        return TaskView(
            ref=row.ref,
            type=row.made.task_type,
            name=row.made.task_def_name or row.ref,
            status=row.status.value,
            attempt=row.made.retry_count + 1,
            iteration=row.made.iteration,
            input=row.input,
            output=row.output,
            reason=row.reason,
            task_id=state.task_id(row.ordinal),
            scheduled_s=since_start(row.scheduled_ms) or 0.0,
            started_s=since_start(row.start_ms),
            ended_s=since_start(row.end_ms),
        )

    def __repr__(self) -> str:
        return f"<Run of {self.state.name}: {self.status}, {', '.join(self.statuses)}>"


def _is_over(run: Run) -> bool:
    after = run.failure_workflow
    return run.state.status.terminal and (after is None or _is_over(after))
