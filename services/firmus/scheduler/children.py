"""What one workflow's events make happen in another: children, parents, failure workflows.

An effect is known by the id of the command that carries it out. Sending it twice is harmless, and
the log shows it done by naming that id as the cause of a commit.
"""

from typing import Any

import msgspec

from firmus.definitions.unsupported import workflow_unsupported
from firmus.workflow import kinship
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.bodies import decode_start_request
from firmus_contracts.commands import (
    NO_DEFINITION,
    Command,
    Continue,
    ReportChildEnded,
    ReportChildRefused,
    ReviveChild,
    ReviveParent,
    StartWorkflow,
    TerminateWorkflow,
)
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.statuses import WorkflowStatus

ACTOR = "scheduler"
TASK_CANCELED = "The task of the parent workflow was canceled"


class ChildEnded(msgspec.Struct, frozen=True, tag="ended", array_like=True):
    """The workflow of this id ended at this version; its parent is to be told."""

    workflow_id: str
    version: int
    parent_workflow_id: str
    parent_task_id: str

    @property
    def command_id(self) -> str:
        return f"{self.workflow_id}/{self.version}/ended"


class StopChild(msgspec.Struct, frozen=True, tag="stop", array_like=True):
    """The workflow of this id ended at this version while `child_id` had not."""

    workflow_id: str
    version: int
    child_id: str
    reason: str

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


Effect = ChildEnded | StopChild | StartFailure | GoOn | SendStateEvent | TellParent | AskChild


def reason_to_stop(status: WorkflowStatus, reason: str | None) -> str:
    """Why a child ends with its parent (spec 3.6.14)."""
    if reason:
        return f"Parent workflow has been terminated with reason: {reason}"
    return f"Parent workflow has been terminated with status {status}"


def start_child(parent: WorkflowState, row: TaskState) -> StartWorkflow:
    """The start of the child that a SUB_WORKFLOW row stands for (spec 3.6.14).

    Raises ValueError, with the reason for the task, when its input names no workflow.
    """
    if row.made.task_type == "START_WORKFLOW":
        return _start_other(parent, row)
    given = row.input
    definition = given.get("subWorkflowDefinition")
    if definition is not None and not isinstance(definition, dict):
        raise ValueError(
            f"subWorkflowDefinition of task {row.ref} is no object: {definition!r:.80}"
        )
    inline = isinstance(definition, dict)
    name = given.get("subWorkflowName")
    if not name and isinstance(definition, dict):
        name = definition.get("name")
    if not name:
        raise ValueError(f"Task {row.ref} names no sub-workflow")
    child_input = given.get("workflowInput")
    if not isinstance(child_input, dict) or not child_input:
        child_input = given
    if inline:
        meta = child_input.get("_systemMetadata")
        dynamic = {**(meta if isinstance(meta, dict) else {}), "dynamic": True}
        child_input = {**child_input, "_systemMetadata": dynamic}
    domains = given.get("subWorkflowTaskToDomain")
    return StartWorkflow(
        command_id=f"{row.child_id}/start",
        workflow_id=row.child_id or "",
        actor=ACTOR,
        trace=parent.trace,
        name=str(name),
        version=None if inline else _version(given.get("subWorkflowVersion")),
        definition=msgspec.Raw(msgspec.json.encode(definition)) if inline else NO_DEFINITION,
        input=child_input,
        correlation_id=parent.correlation_id,
        priority=_priority(given.get("priority")),
        task_to_domain=_domains(domains) if isinstance(domains, dict) else parent.task_to_domain,
        parent_workflow_id=parent.workflow_id,
        parent_task_id=parent.task_id(row.ordinal),
        depth=parent.depth + 1,
    )


def _start_other(starter: WorkflowState, row: TaskState) -> StartWorkflow:
    """The start that a START_WORKFLOW row asks for: without a parent (spec 3.6.15)."""
    given = row.input.get("startWorkflow")
    if given is None:
        raise ValueError("Missing 'startWorkflow' in input data.")
    request = _request(given)
    definition = request.workflow_def
    return StartWorkflow(
        command_id=f"{row.child_id}/start",
        workflow_id=row.child_id or "",
        actor=ACTOR,
        trace=starter.trace,
        name=request.name,
        version=None if definition else request.version or None,
        definition=msgspec.Raw(msgspec.json.encode(definition)) if definition else NO_DEFINITION,
        input=request.input or {},
        correlation_id=request.correlation_id or starter.correlation_id,
        priority=request.priority,
        task_to_domain=request.task_to_domain or starter.task_to_domain,
        created_by=request.created_by,
    )


def _request(given: Any) -> StartWorkflowRequest:
    """Raises ValueError with Conductor's words for what cannot be started."""
    try:
        request = decode_start_request(msgspec.json.encode(given))
    except Refusal as refusal:
        if refusal.errors:
            told = "".join(f"'{error.path}' -> {error.message}. " for error in refusal.errors)
            raise ValueError(f"startWorkflow validation failed. {told}") from None
        raise ValueError(f"Error reading StartWorkflowRequest. {refusal.message}") from None
    missing = [f"'{field}' -> not supported by firmus here. " for field in _not_honoured(request)]
    if request.workflow_def is not None:
        faults = workflow_unsupported(request.workflow_def)
        missing += [f"'workflowDef.{fault.path}' -> {fault.message}. " for fault in faults]
    if missing:
        raise ValueError(f"startWorkflow validation failed. {''.join(missing)}")
    return request


def _not_honoured(request: StartWorkflowRequest) -> list[str]:
    """Fields that a start over REST knows and one by a task does not yet."""
    given = {
        "idempotencyKey": request.idempotency_key,
        "idempotencyStrategy": request.idempotency_strategy,
        "externalInputPayloadStoragePath": request.external_input_payload_storage_path,
    }
    return [field for field, value in given.items() if value is not None]


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
            reason=f"No such workflow found by id: {effect.child_id}",
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
        child_version=child.version,
        child_id=child.workflow_id,
        child=f"{child.name}.{child.definition_version}/{child.workflow_id}",
        status=status,
        output=child.output,
        reason=reason,
    )


def stop_child(effect: StopChild) -> TerminateWorkflow:
    return TerminateWorkflow(
        command_id=effect.command_id,
        workflow_id=effect.child_id,
        actor=ACTOR,
        reason=effect.reason,
        by_parent=True,
        parent_version=effect.version,
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


def _version(value: object) -> int | None:
    """A version as an expression may have given it; None and 0 are the latest.

    Raises ValueError for what is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"subWorkflowVersion is not a number: {value}")  # noqa: TRY004 - bad input
    try:
        return int(value) or None
    except ValueError:
        raise ValueError(f"subWorkflowVersion is not a number: {value}") from None


def _priority(value: object) -> int:
    """Numbers count, also in digits; anything else is 0: a parent's is not inherited."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, (int, float)):
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else 0


def _domains(given: dict[str, Any]) -> dict[str, str]:
    return {name: str(domain) for name, domain in given.items() if domain is not None}
