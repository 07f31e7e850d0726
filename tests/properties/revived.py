"""A family in which people have workflows run again that have ended, in all ways there are."""

from random import Random
from typing import Any

from firmus.scheduler import children
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.envelope import Record
from tests.properties.definitions import Tasks
from tests.properties.family import Family

OPERATIONS_MAX = 4


class Revived(Family):
    """A family in which people have workflows run again that have ended."""

    def __init__(self, tasks: Tasks, picks: Random, *, events_max: int) -> None:
        self.records: list[Record] = []
        self.operations = 0
        super().__init__(tasks, picks, events_max=events_max)

    def send(self, command: cmd.Command) -> None:
        flow = self.flows[command.workflow_id]
        before = len(flow.commits)
        super().send(command)
        if flow.rejected is not None:
            self.said.pop()  # what was refused leaves no trace: later it may be allowed
        for commit in flow.commits[before:]:
            position = len(self.records) + 1
            self.records.append(
                Record(position=position, workflow_id=commit.workflow_id, digest="", body=commit)
            )

    def run_again(self) -> None:
        """Somebody has a workflow that has ended run again, in one way or another."""
        ended = [state for state in self.states() if state.status.terminal]
        if not ended or self.operations >= OPERATIONS_MAX:
            return
        state = self._picks.choice(ended)
        base = {"command_id": self._name(), "workflow_id": state.workflow_id}
        options: list[cmd.Command] = [
            cmd.RestartWorkflow(**base),
            cmd.RetryWorkflow(**base),
            cmd.RetryWorkflow(**base, resume_subworkflow_tasks=True),
            cmd.RerunWorkflow(**base),
        ]
        options += [cmd.RerunWorkflow(**base, path=path) for path in self._paths(state)] * 2
        self.operations += 1
        self.send(self._picks.choice(options))

    def _paths(self, state: WorkflowState) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for row in state.tasks.values():
            task_id = state.task_id(row.ordinal)
            found.append((task_id,))
            child = self.flows.get(row.child_id or "")
            if child is not None and child.state is not None and child.state.status.terminal:
                found += [(task_id, *path) for path in self._paths(child.state)]
        return found

    def _command(self, effect: children.Effect) -> cmd.Command | None:
        match effect:
            case children.TellParent() | children.AskChild():
                return effect.command()
            case children.StopChild():
                parent = self.flows[effect.workflow_id].state
                wanted = children.still_wanted(parent, effect)
                return None if wanted else children.stop_child(effect)
            case _:
                return super()._command(effect)

    def _delivery(self, command: cmd.Command) -> Any:
        deliver = super()._delivery(command)

        def delivered() -> None:
            deliver()
            if self.flows[command.workflow_id].rejected is not None:
                self._refused(command)

        return delivered

    def _refused(self, command: cmd.Command) -> None:
        """What the scheduler says when kin do not run again."""
        told: cmd.Command | None = None
        sender, version, *_ = command.command_id.split("/")
        state = self.flows[command.workflow_id].state
        if isinstance(command, cmd.ReviveChild):
            told = children.stays_ended(self._asking(sender, int(version)), state)
        elif isinstance(command, cmd.ReviveParent) and command.parent_version:
            effect = children.TellParent(
                sender, int(version), command.workflow_id, command.task_id, command.operation
            )
            told = children.not_wanted(effect)
        if told is not None:
            self.kept.append(told)

    def _asking(self, parent: str, version: int) -> children.AskChild:
        flow = self.flows[parent]
        events = [event for commit in flow.commits for event in commit.events]
        event = events[version - 1]
        assert isinstance(event, ev.TaskReopened)
        return children.AskChild(parent, version, event.row.child_id or "", event.ordinal)

    def _stop_orphan(self, told: cmd.ReportChildStarted) -> None:
        known = self.fold.row(told.task_id)
        if known is not None and known.child_id == told.child_id:
            return
        child, parent = self.flows[told.child_id].state, self.flows[told.workflow_id].state
        if child is not None and parent is not None and not child.status.terminal:
            self.kept.append(
                cmd.TerminateWorkflow(
                    command_id=f"{told.child_id}/orphaned",
                    workflow_id=told.child_id,
                    by_parent=True,
                )
            )
