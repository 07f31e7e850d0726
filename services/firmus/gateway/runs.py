"""How synchronous calls are answered: by the workflow, or by the task that blocks (spec 8.4.1)."""

from contextlib import AbstractContextManager
from enum import StrEnum

import msgspec

from firmus.edge.asking import no_such_workflow
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.presence import Presence
from firmus.gateway.reading import Request, Response, text, texts
from firmus.ports import Unavailable
from firmus.waiting import Found, Waited, Waits
from firmus.workflow.state import WorkflowState
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import SignalResponse, TaskRun, WorkflowRun


class ReturnStrategy(StrEnum):
    """What a synchronous call is answered with; the last two are answered alike."""

    TARGET_WORKFLOW = "TARGET_WORKFLOW"
    BLOCKING_WORKFLOW = "BLOCKING_WORKFLOW"
    BLOCKING_TASK = "BLOCKING_TASK"
    BLOCKING_TASK_INPUT = "BLOCKING_TASK_INPUT"


def named_tasks(req: Request) -> tuple[str, ...]:
    """The tasks of `waitUntilTaskRef`. Conductor's clients send `None` for none: a name like any
    other that no task has.
    """
    return tuple(ref for given in texts(req, "waitUntilTaskRef") if (ref := given.strip()))


def return_strategy(req: Request) -> ReturnStrategy:
    """The strategy asked for; TARGET_WORKFLOW when none is, or an empty one."""
    given = text(req, "returnStrategy") or ReturnStrategy.TARGET_WORKFLOW
    try:
        return ReturnStrategy(given)
    except ValueError:
        known = ", ".join(ReturnStrategy)
        raise Refusal("INVALID", f"returnStrategy: '{given}' is none of {known}") from None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a synchronous call waits for, and how it is answered.

    `refs`: the tasks whose end answers it. `request_id` is told back.
    """

    timeout_s: float
    refs: tuple[str, ...] = ()
    strategy: ReturnStrategy = ReturnStrategy.TARGET_WORKFLOW
    request_id: str


class Runs:
    """The synchronous calls of one gateway: `with place()`, do what the call asks for, `answer`."""

    def __init__(self, ports: GatewayPorts, presence: Presence) -> None:
        self.waits = Waits(ports.decider, ports.watches)
        self._views = Views(ports.definitions, ports.clock)
        self._presence = presence

    def place(self) -> AbstractContextManager[None]:
        """A place among the waiting. Raises Refusal TOO_MANY_REQUESTS: before anything is done."""
        return self.waits.place()

    async def answer(self, req: Request, resp: Response, workflow_id: str, call: Call) -> None:
        """Waits and answers. A client that has left is not answered, and waited for no more.

        Raises Refusal NOT_FOUND, Unavailable.
        """
        waited = await self._presence.unless_gone(req, self._wait(workflow_id, call))
        if waited is not None:
            answers.json(resp, await self._response(waited, call))
        elif self._presence.closing:
            raise Unavailable(f"This server stops; workflow {workflow_id} goes on")

    async def _wait(self, workflow_id: str, call: Call) -> Waited:
        waited = await self.waits.until_blocked(
            workflow_id, refs=call.refs, timeout_s=call.timeout_s
        )
        if waited is None:
            raise no_such_workflow(workflow_id)
        return waited

    async def _response(self, waited: Waited, call: Call) -> SignalResponse:
        """Raises Refusal NOT_FOUND when a task is asked for and none blocks."""
        target, blocking, strategy = waited.target, waited.blocking, call.strategy
        if strategy is ReturnStrategy.TARGET_WORKFLOW:
            run: SignalResponse = await self._workflow(target)
        elif strategy is ReturnStrategy.BLOCKING_WORKFLOW:
            run = await self._workflow(blocking.state if blocking else target)
        elif blocking is not None:
            run = await self._task(blocking)
        else:
            raise _nothing_blocks(waited)
        return _of_target(run, waited, call)

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
            created_by=view.worker_id or None,
            create_time=view.start_time,
            update_time=view.update_time,
            status=view.status,
            external_input_payload_storage_path=view.external_input_payload_storage_path,
            external_output_payload_storage_path=view.external_output_payload_storage_path,
        )


def _of_target(run: SignalResponse, waited: Waited, call: Call) -> SignalResponse:
    return msgspec.structs.replace(
        run,
        response_type=call.strategy.value,
        target_workflow_id=waited.target.workflow_id,
        target_workflow_status=waited.target.status.value,
        request_id=call.request_id,
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
