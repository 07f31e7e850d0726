"""The state of a workflow that has just been started."""

from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def started(event: ev.WorkflowStarted, workflow_id: str, now_ms: int) -> WorkflowState:
    return WorkflowState(
        workflow_id=workflow_id,
        version=1,
        status=WorkflowStatus.RUNNING,
        name=event.name,
        definition_version=event.definition_version,
        definition_hash=event.definition_hash,
        input=event.input,
        output={},
        variables=event.variables,
        created_ms=now_ms,
        clock_ms=now_ms,
        updated_ms=now_ms,
        correlation_id=event.correlation_id,
        priority=event.priority,
        task_to_domain=event.task_to_domain,
        parent_workflow_id=event.parent_workflow_id,
        parent_task_id=event.parent_task_id,
        depth=event.depth,
        gate=event.gate,
        limit_key=event.limit_key,
        held=event.held,
        event=event.event,
        created_by=event.created_by,
        owner_app=event.owner_app,
        idempotency_key=event.idempotency_key,
        external_input_path=event.external_input_path,
        timeout_s=event.timeout_s,
        timeout_policy=event.timeout_policy,
        cache=event.cache,
        secrets=event.secrets,
    )
