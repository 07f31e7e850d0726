"""What a failure workflow is told of the workflow that failed (spec 4.7)."""

from typing import Any

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.rest_view import workflow_view
from firmus.workflow.state import WorkflowState


def failure_input(failed: WorkflowState, blueprint: Blueprint, *, now_ms: int) -> dict[str, Any]:
    """The failed one's own input, who failed and why, and the whole execution as REST shows it."""
    view = workflow_view(failed, blueprint, now_ms=now_ms, include_tasks=True, revealed=True)
    blamed = {}
    if failed.failed_ordinal is not None:
        blamed = {"failureTaskId": failed.task_id(failed.failed_ordinal)}
    return {
        **failed.input,
        "workflowId": failed.workflow_id,
        "reason": failed.reason,
        "failureStatus": failed.status.value,
        **blamed,
        "failedWorkflow": msgspec.json.decode(msgspec.json.encode(view)),
    }
