"""What one workflow's events make happen in another: children, parents, failure workflows.

An effect is known by the id of the command that carries it out. Sending it twice is harmless, and
the log shows it done by naming that id as the cause of a commit.
"""

from typing import Any

import msgspec

from firmus.scheduler.rows import Flow
from firmus.workflow import kinship
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.commands import (
    Command,
    Continue,
    FollowWorkflow,
    ReportChildEnded,
    ReportChildRefused,
    ReviveChild,
    ReviveParent,
    StartWorkflow,
    TerminateWorkflow,
)
from firmus_contracts.errors import no_workflow
from firmus_contracts.statuses import WorkflowStatus

ACTOR = "scheduler"
TASK_CANCELED = "The task of the parent workflow was canceled"


class ChildEnded(msgspec.Struct, frozen=True, tag="ended", array_like=True):
    """The workflow of this id ended at this version; its parent is to be told, or another task
    that followed it.
    """

    workflow_id: str
    version: int
    parent_workflow_id: str
    parent_task_id: str
    followed: bool = False

    @property
    def command_id(self) -> str:
        told = f"/{self.parent_task_id}" if self.followed else ""
        return f"{self.workflow_id}/{self.version}/ended{told}"


class FollowChild(msgspec.Struct, frozen=True, tag="follow", array_like=True):
    """A task came to a workflow that was not planned for it, and is to hear of its end; one that is
    run again may come to the same one again.
    """

    workflow_id: str
    version: int
    task_id: str
    child_id: str

    @property
    def command_id(self) -> str:
        return f"{self.workflow_id}/{self.version}/follow/{self.child_id}"


class StopChild(msgspec.Struct, frozen=True, tag="stop", array_like=True):
    """The workflow of this id ended at this version while `child_id` had not."""

    workflow_id: str
    version: int
    child_id: str
    reason: str
    child_since: int = 0

    @property
    def command_id(self) -> str:
        return f"{self.workflow_id}/{self.version}/stop/{self.child_id}"


class StartFailure(msgspec.Struct, frozen=True, tag="failure", array_like=True):
    """The workflow of this id failed; `target` is to be started (spec 4.7)."""

    workflow_id: str
    version: int
    target: ev.FailureWorkflow

    @property
    def command_id(self) -> str:
        return f"{self.target.workflow_id}/start"


class GoOn(msgspec.Struct, frozen=True, tag="continue", array_like=True):
    """The decision that ended at this version was split and has to go on."""

    workflow_id: str
    version: int

    @property
    def command_id(self) -> str:
        return f"{self.workflow_id}/{self.version}/continue"


class SendStateEvent(msgspec.Struct, frozen=True, tag="state_event", array_like=True):
    """The message of the event of this version (`onStateChange`) is to be sent."""

    workflow_id: str
    version: int

    @property
    def command_id(self) -> str:
        return f"{self.workflow_id}/{self.version}/state-event"


class TellParent(msgspec.Struct, frozen=True, tag="tell_parent", array_like=True):
    """The workflow of this id runs again since this version; its parent is to hear of it."""

    workflow_id: str
    version: int
    parent_workflow_id: str
    parent_task_id: str
    operation: str
    parent_version: int = 0

    @property
    def command_id(self) -> str:
        return self.command().command_id

    def command(self) -> ReviveParent:
        return kinship.revive_parent(
            self.workflow_id,
            self.version,
            parent_id=self.parent_workflow_id,
            parent_task_id=self.parent_task_id,
            operation=self.operation,
            parent_version=self.parent_version,
        )


class AskChild(msgspec.Struct, frozen=True, tag="ask_child", array_like=True):
    """A row of the workflow of this id waits again for `child_id`, which is to run again; `path`:
    see RerunWorkflow.
    """

    workflow_id: str
    version: int
    child_id: str
    ordinal: int
    path: tuple[str, ...] = ()
    task_input: dict[str, Any] | None = None

    @property
    def command_id(self) -> str:
        return self.command().command_id

    @property
    def task_id(self) -> str:
        return ids.task_id(self.workflow_id, self.ordinal)

    def command(self) -> ReviveChild:
        return kinship.revive_child(
            self.workflow_id,
            self.version,
            child_id=self.child_id,
            path=self.path,
            task_input=self.task_input,
        )


Effect = (
    ChildEnded
    | FollowChild
    | StopChild
    | StartFailure
    | GoOn
    | SendStateEvent
    | TellParent
    | AskChild
)


def to_tell(flow: Flow, version: int) -> list[ChildEnded]:
    """Who is to hear of a workflow's end: its parent, and the tasks that followed it."""
    told = [
        ChildEnded(flow.workflow_id, version, ids.workflow_of(task_id), task_id, followed=True)
        for task_id in flow.followers
    ]
    if flow.parent_workflow_id and flow.parent_task_id:
        parent = (flow.parent_workflow_id, flow.parent_task_id)
        told.insert(0, ChildEnded(flow.workflow_id, version, *parent))
    return told


def reason_to_stop(status: WorkflowStatus, reason: str | None) -> str:
    """Why a child ends with its parent (spec 3.6.14)."""
    if reason:
        return f"Parent workflow has been terminated with reason: {reason}"
    return f"Parent workflow has been terminated with status {status}"


def report_child_ended(effect: ChildEnded, child: WorkflowState) -> ReportChildEnded | None:
    """What the parent is told; None when the child is open again and will end anew."""
    return _report(effect.command_id, effect.parent_task_id, child)


def stays_ended(effect: AskChild, child: WorkflowState | None) -> Command | None:
    """What the parent is told of a child that cannot run again; None when it is open."""
    if child is None:
        return ReportChildRefused(
            command_id=f"{effect.command_id}/refused",
            workflow_id=effect.workflow_id,
            actor=ACTOR,
            task_id=effect.task_id,
            child_id=effect.child_id,
            reason=no_workflow(effect.child_id),
        )
    report = _report(f"{effect.command_id}/refused", effect.task_id, child)
    return None if report is None else msgspec.structs.replace(report, final=True)


def _report(command_id: str, task_id: str, child: WorkflowState) -> ReportChildEnded | None:
    """To the parent, a child that was removed while it ran was terminated."""
    status, reason = child.status, child.reason
    if not status.terminal:
        if not child.removed_ms:
            return None
        status, reason = WorkflowStatus.TERMINATED, "The workflow was removed while it ran"
    return ReportChildEnded(
        command_id=command_id,
        workflow_id=ids.workflow_of(task_id),
        actor=ACTOR,
        trace=child.trace,
        task_id=task_id,
        again_version=child.again_version,
        parent_version=child.parent_version,
        child_id=child.workflow_id,
        child=f"{child.name}.{child.definition_version}/{child.workflow_id}",
        status=status,
        output=child.output,
        reason=reason,
    )


def follow_child(effect: FollowChild) -> FollowWorkflow:
    return FollowWorkflow(
        command_id=effect.command_id,
        workflow_id=effect.child_id,
        actor=ACTOR,
        task_id=effect.task_id,
    )


def stop_child(effect: StopChild) -> TerminateWorkflow:
    return TerminateWorkflow(
        command_id=effect.command_id,
        workflow_id=effect.child_id,
        actor=ACTOR,
        reason=effect.reason,
        by_parent=True,
        child_since=effect.child_since,
    )


def not_wanted(effect: TellParent) -> TerminateWorkflow:
    """The end of a workflow that runs again for a parent that does not wait for it any more."""
    return TerminateWorkflow(
        command_id=f"{effect.command_id}/unwanted",
        workflow_id=effect.workflow_id,
        actor=ACTOR,
        reason=TASK_CANCELED,
        by_parent=True,
        child_since=effect.version,
    )


def still_wanted(parent: WorkflowState | None, effect: StopChild) -> bool:
    """Whether the parent runs again and goes on with the child that it wanted to end."""
    if parent is None or parent.status.terminal:
        return False
    rows = parent.tasks.values()
    return any(row.child_id == effect.child_id and not row.status.terminal for row in rows)


def start_failure(
    effect: StartFailure, failed: WorkflowState, given: dict[str, Any]
) -> StartWorkflow:
    """The start of a failure workflow with the input `given` (spec 4.7)."""
    return StartWorkflow(
        command_id=effect.command_id,
        workflow_id=effect.target.workflow_id,
        actor=ACTOR,
        trace=failed.trace,
        name=effect.target.name,
        version=effect.target.version,
        input=given,
        correlation_id=failed.correlation_id,
        task_to_domain=failed.task_to_domain,
        depth=failed.depth + 1,  # a failure workflow of itself ends too
    )


def go_on(effect: GoOn) -> Continue:
    return Continue(command_id=effect.command_id, workflow_id=effect.workflow_id, actor=ACTOR)
