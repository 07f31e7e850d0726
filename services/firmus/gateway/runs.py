"""How synchronous calls are answered: by the workflow, or by the task that blocks (spec 8.4.1)."""

from enum import StrEnum

import msgspec

from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, text
from firmus.gateway.views import Views
from firmus.waiting import Found, Waited
from firmus.workflow.state import WorkflowState
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import SignalResponse, TaskRun, WorkflowRun


class ReturnStrategy(StrEnum):
    """What a synchronous call is answered with; the last two are answered alike."""

    TARGET_WORKFLOW = "TARGET_WORKFLOW"
    BLOCKING_WORKFLOW = "BLOCKING_WORKFLOW"
    BLOCKING_TASK = "BLOCKING_TASK"
    BLOCKING_TASK_INPUT = "BLOCKING_TASK_INPUT"


def return_strategy(req: Request) -> ReturnStrategy:
    """The strategy asked for; TARGET_WORKFLOW when none is, or an empty one."""
    given = text(req, "returnStrategy") or ReturnStrategy.TARGET_WORKFLOW
    try:
        return ReturnStrategy(given)
    except ValueError:
        known = ", ".join(ReturnStrategy)
        raise Refusal("INVALID", f"returnStrategy: '{given}' is none of {known}") from None


class Runs:
    """Writes a wait's end down."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._views = Views(ports)

    async def response(
        self, waited: Waited, strategy: ReturnStrategy, request_id: str
    ) -> SignalResponse:
        """Raises Refusal NOT_FOUND when a task is asked for and none blocks."""
        target, blocking = waited.target, waited.blocking
        if strategy is ReturnStrategy.TARGET_WORKFLOW:
            run: SignalResponse = await self._workflow(target)
        elif strategy is ReturnStrategy.BLOCKING_WORKFLOW:
            run = await self._workflow(blocking.state if blocking else target)
        elif blocking is not None:
            run = await self._task(blocking)
        else:
            raise _nothing_blocks(waited)
        return _of_target(run, waited, strategy, request_id)

    async def _workflow(self, state: WorkflowState) -> WorkflowRun:
        view = await self._views.workflow(state, include_tasks=True)
        return WorkflowRun(
            workflow_id=view.workflow_id,
            correlation_id=view.correlation_id,
            input=view.input,
            output=view.output,
            priority=view.priority,
            variables=view.variables,
            tasks=view.tasks,
            created_by=view.created_by,
            create_time=view.create_time,
            status=view.status,
            update_time=view.update_time,
            external_input_payload_storage_path=view.external_input_payload_storage_path,
            external_output_payload_storage_path=view.external_output_payload_storage_path,
        )

    async def _task(self, found: Found) -> TaskRun:
        view = await self._views.task(found.state, found.row)
        return TaskRun(
            workflow_id=view.workflow_instance_id,
            correlation_id=view.correlation_id,
            input=view.input_data,
            output=view.output_data,
            task_type=view.task_type,
            task_id=view.task_id,
            reference_task_name=view.reference_task_name,
            retry_count=view.retry_count,
            task_def_name=view.task_def_name,
            retried_task_id=view.retried_task_id,
            workflow_type=view.workflow_type,
            reason_for_incompletion=view.reason_for_incompletion,
            priority=view.workflow_priority,
            created_by=view.worker_id,
            create_time=view.start_time,
            update_time=view.update_time,
            status=view.status,
            external_input_payload_storage_path=view.external_input_payload_storage_path,
            external_output_payload_storage_path=view.external_output_payload_storage_path,
        )


def _of_target(
    run: SignalResponse, waited: Waited, strategy: ReturnStrategy, request_id: str
) -> SignalResponse:
    return msgspec.structs.replace(
        run,
        response_type=strategy.value,
        target_workflow_id=waited.target.workflow_id,
        target_workflow_status=waited.target.status.value,
        request_id=request_id,
        signal_timeout=waited.timed_out,
    )


def _nothing_blocks(waited: Waited) -> Refusal:
    """Conductor's answer is an internal error; the workflow exists, so its id is told."""
    status = waited.target.status
    how = "its time was up" if waited.timed_out else "nothing is left to wait for"
    return Refusal(
        "NOT_FOUND",
        f"Found no blocking task in workflow {waited.target.workflow_id}, which is {status}: {how}",
    )
