"""From a request to start a workflow to the command that does it."""

from typing import Any

import msgspec

from firmus_contracts.commands import NO_DEFINITION, StartWorkflow
from firmus_contracts.requests import StartWorkflowRequest, WorkflowTestRequest


def start_command(
    request: StartWorkflowRequest | WorkflowTestRequest,
    *,
    command_id: str,
    workflow_id: str,
    **said: Any,
) -> StartWorkflow:
    """The command for a request. `said`: fields of the command that do not stand in the request, or
    stand instead of what it says.
    """
    inline = request.workflow_def
    asked: dict[str, Any] = {
        "name": request.name,
        "version": request.version,
        "definition": (
            NO_DEFINITION if inline is None else msgspec.Raw(msgspec.json.encode(inline))
        ),
        "input": request.input,
        "correlation_id": request.correlation_id,
        "priority": request.priority,
        "task_to_domain": request.task_to_domain,
        "created_by": request.created_by,
        "idempotency_key": request.idempotency_key,
        "external_input_path": request.external_input_payload_storage_path,
    }
    return StartWorkflow(command_id=command_id, workflow_id=workflow_id, **asked | said)
