"""What start a SUB_WORKFLOW or START_WORKFLOW row asks for (spec 3.6.14, 3.6.15)."""

from typing import Any, get_args

import msgspec

from firmus.definitions.unsupported import workflow_unsupported
from firmus.scheduler.children import ACTOR
from firmus.scheduler.rows import Row
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.bodies import decode_start_request
from firmus_contracts.commands import (
    NO_DEFINITION,
    ReportChildRefused,
    ReportChildStarted,
    StartWorkflow,
)
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest


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
        secrets=row.made.secrets,
        task_to_domain=_domains(domains) if isinstance(domains, dict) else parent.task_to_domain,
        parent_workflow_id=parent.workflow_id,
        parent_task_id=parent.task_id(row.ordinal),
        idempotency_key=_key(given),
        depth=parent.depth + 1,
    )


def strategy_of(row: TaskState) -> str | None:
    """What an idempotency key of the child means that was used before (spec 4.13).

    Raises ValueError for none that there is.
    """
    given = row.input
    if row.made.task_type == "START_WORKFLOW":
        given = given["startWorkflow"]
    strategy = given.get("idempotencyStrategy")
    if strategy is not None and strategy not in get_args(IdempotencyStrategy):
        raise ValueError(f"idempotencyStrategy is none that there is: {strategy!r:.80}")
    return strategy or None


def _key(given: dict[str, Any]) -> str | None:
    key = given.get("idempotencyKey")
    if isinstance(key, (dict, list)):
        raise ValueError(f"idempotencyKey is no text: {key!r:.80}")  # noqa: TRY004 - bad input
    return None if key is None or key == "" else str(key)


def told_started(row: Row, child_id: str, **more: Any) -> ReportChildStarted:
    """What a row hears once its child is on its way."""
    return ReportChildStarted(
        command_id=f"{child_id}/started",
        workflow_id=row.workflow_id,
        actor=ACTOR,
        task_id=row.task_id,
        child_id=child_id,
        **more,
    )


def told_refused(row: Row, reason: str) -> ReportChildRefused:
    """What a row hears when its child cannot be started, for good."""
    return ReportChildRefused(
        command_id=f"{row.child_id}/refused",
        workflow_id=row.workflow_id,
        actor=ACTOR,
        task_id=row.task_id,
        child_id=row.child_id or "",
        reason=reason,
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
        secrets=row.made.secrets,
        idempotency_key=request.idempotency_key or None,
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
    missing = []
    if request.external_input_payload_storage_path is not None:
        missing.append("'externalInputPayloadStoragePath' -> not supported by firmus here. ")
    if request.workflow_def is not None:
        faults = workflow_unsupported(request.workflow_def)
        missing += [f"'workflowDef.{fault.path}' -> {fault.message}. " for fault in faults]
    if missing:
        raise ValueError(f"startWorkflow validation failed. {''.join(missing)}")
    return request


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
