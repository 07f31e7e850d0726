"""conductor.grpc.workflows.WorkflowService: starting, reading, steering, finding (spec 8.4, 5)."""

from typing import Any

import msgspec

from firmus.edge.again import rerun_path, run_again
from firmus.edge.asking import known_form, state_of, submit
from firmus.edge.headers import start_key
from firmus.edge.lookups import Lists
from firmus.edge.registration import Registration
from firmus.edge.starting import Starting
from firmus.edge.stored import Stored
from firmus.edge.views import Views
from firmus.rpc.calls import Call
from firmus.rpc.messages import executions_pb2 as model
from firmus.rpc.messages import requests_pb2, search_pb2
from firmus.rpc.messages import workflow_service_pb2 as pb
from firmus.rpc.ports import RpcPorts
from firmus.rpc.reading import body_of, document_of
from firmus.rpc.searching import Searches
from firmus.rpc.writing import message_of
from firmus_contracts import commands as cmd
from firmus_contracts.bodies import decode_rerun_request, decode_skip_request, decode_start_request
from firmus_contracts.errors import Refusal

_NOT_DEFINED = "No such workflow defined."


class Workflows:
    """The methods of the service."""

    def __init__(self, ports: RpcPorts) -> None:
        self._decider = ports.decider
        self._views = Views(ports.definitions, ports.clock)
        self._lists = Lists(ports.decider, ports.search)
        self._searches = Searches(ports)
        self._starting = Starting(
            ports.starts,
            Registration(ports.definitions),
            Stored(ports.decider, ports.payloads),
            ports.clock,
        )

    async def start_workflow(
        self, request: requests_pb2.StartWorkflowRequest, call: Call
    ) -> pb.StartWorkflowResponse:
        asked = decode_start_request(body_of(request))
        key, strategy = start_key(call.header, asked)
        try:
            started = await self._starting.start(asked, call.fresh(), key=key, strategy=strategy)
        except Refusal as refused:
            if refused.code == "NOT_FOUND" and refused.message.startswith(_NOT_DEFINED):
                message = f"No such workflow found by name={asked.name}"
                raise Refusal("NOT_FOUND", message) from refused
            raise
        return pb.StartWorkflowResponse(workflow_id=started.workflow_id)

    async def get_workflows(
        self, request: pb.GetWorkflowsRequest, _call: Call
    ) -> pb.GetWorkflowsResponse:
        """By correlation id: running ones, or all of them when closed ones are wanted."""
        found = {}
        for correlation in request.correlation_id:
            states = await self._lists.correlated(
                request.name, correlation, closed=request.include_closed
            )
            views = [
                await self._views.workflow(state, include_tasks=request.include_tasks)
                for state in states
            ]
            found[correlation] = pb.GetWorkflowsResponse.Workflows(
                workflows=[message_of(model.Workflow, view) for view in views]
            )
        return pb.GetWorkflowsResponse(workflows_by_id=found)

    async def get_workflow_status(
        self, request: pb.GetWorkflowStatusRequest, _call: Call
    ) -> model.Workflow:
        state = await state_of(self._decider, request.workflow_id)
        view = await self._views.workflow(state, include_tasks=request.include_tasks)
        return message_of(model.Workflow, view)

    async def remove_workflow(
        self, request: pb.RemoveWorkflowRequest, call: Call
    ) -> pb.RemoveWorkflowResponse:
        given = _given(call, "remove", request.workflod_id)
        command = cmd.RemoveWorkflow(**given, archive=request.archive_workflow)
        await submit(self._decider, command)
        return pb.RemoveWorkflowResponse()

    async def get_running_workflows(
        self, request: pb.GetRunningWorkflowsRequest, _call: Call
    ) -> pb.GetRunningWorkflowsResponse:
        """Of one version, or of all when none is named."""
        found = await self._lists.running(
            request.name,
            request.version or None,
            since_ms=request.start_time,
            until_ms=request.end_time,
        )
        return pb.GetRunningWorkflowsResponse(workflow_ids=found)

    async def decide_workflow(
        self, request: pb.DecideWorkflowRequest, call: Call
    ) -> pb.DecideWorkflowResponse:
        command = cmd.Continue(**_given(call, "decide", request.workflow_id))
        await submit(self._decider, command)
        return pb.DecideWorkflowResponse()

    async def pause_workflow(
        self, request: pb.PauseWorkflowRequest, call: Call
    ) -> pb.PauseWorkflowResponse:
        command = cmd.PauseWorkflow(**_given(call, "pause", request.workflow_id))
        await submit(self._decider, command)
        return pb.PauseWorkflowResponse()

    async def resume_workflow(
        self, request: pb.ResumeWorkflowRequest, call: Call
    ) -> pb.ResumeWorkflowResponse:
        command = cmd.ResumeWorkflow(**_given(call, "resume", request.workflow_id))
        await submit(self._decider, command)
        return pb.ResumeWorkflowResponse()

    async def skip_task_from_workflow(
        self, request: pb.SkipTaskRequest, call: Call
    ) -> pb.SkipTaskResponse:
        asked = decode_skip_request(body_of(request.request))
        ref = request.task_reference_name
        command = cmd.SkipTask(
            **_given(call, "skip", request.workflow_id, ref),
            ref=ref,
            input=asked.task_input or {},
            output=asked.task_output or {},
        )
        await submit(self._decider, command)
        return pb.SkipTaskResponse()

    async def rerun_workflow(
        self, request: requests_pb2.RerunWorkflowRequest, call: Call
    ) -> pb.RerunWorkflowResponse:
        """Inputs that are empty leave what there is: nothing tells them from absent ones."""
        document = {key: value for key, value in document_of(request).items() if value != {}}
        asked = decode_rerun_request(msgspec.json.encode(document))
        workflow_id, task_id = request.re_run_from_workflow_id, asked.re_run_from_task_id
        if not workflow_id:
            raise Refusal("INVALID", "WorkflowId cannot be null or empty.")
        given = _given(call, "rerun", workflow_id)
        path: tuple[str, ...] = ()
        if task_id is not None:
            path = await rerun_path(self._decider, workflow_id, task_id, by=call.by)
        command = cmd.RerunWorkflow(
            **given,
            path=path,
            task_input=asked.task_input,
            workflow_input=asked.workflow_input,
            correlation_id=asked.correlation_id,
        )
        await run_again(self._decider, command)
        return pb.RerunWorkflowResponse(workflow_id=workflow_id)

    async def restart_workflow(
        self, request: pb.RestartWorkflowRequest, call: Call
    ) -> pb.RestartWorkflowResponse:
        command = cmd.RestartWorkflow(
            **_given(call, "restart", request.workflow_id),
            use_latest_definitions=request.use_latest_definitions,
        )
        await run_again(self._decider, command)
        return pb.RestartWorkflowResponse()

    async def retry_workflow(
        self, request: pb.RetryWorkflowRequest, call: Call
    ) -> pb.RetryWorkflowResponse:
        command = cmd.RetryWorkflow(
            **_given(call, "retry", request.workflow_id),
            resume_subworkflow_tasks=request.resume_subworkflow_tasks,
        )
        await run_again(self._decider, command)
        return pb.RetryWorkflowResponse()

    async def reset_workflow_callbacks(
        self, request: pb.ResetWorkflowCallbacksRequest, call: Call
    ) -> pb.ResetWorkflowCallbacksResponse:
        command = cmd.ResetCallbacks(**_given(call, "resetcallbacks", request.workflow_id))
        await submit(self._decider, command)
        return pb.ResetWorkflowCallbacksResponse()

    async def terminate_workflow(
        self, request: pb.TerminateWorkflowRequest, call: Call
    ) -> pb.TerminateWorkflowResponse:
        command = cmd.TerminateWorkflow(
            **_given(call, "terminate", request.workflow_id), reason=request.reason or None
        )
        await submit(self._decider, command)
        return pb.TerminateWorkflowResponse()

    async def search(
        self, request: search_pb2.Request, call: Call
    ) -> pb.WorkflowSummarySearchResult:
        page = await self._searches.page("workflows", request, call)
        return _summaries(page.total_hits, page.results)

    async def search_by_tasks(
        self, request: search_pb2.Request, call: Call
    ) -> pb.WorkflowSummarySearchResult:
        return _summaries(*await self._searches.summaries_by_tasks(request, call))

    async def search_v2(self, request: search_pb2.Request, call: Call) -> pb.WorkflowSearchResult:
        total, found = await self._searches.workflows(request, call)
        results = [message_of(model.Workflow, each) for each in found]
        return pb.WorkflowSearchResult(total_hits=total, results=results)

    async def search_by_tasks_v2(
        self, request: search_pb2.Request, call: Call
    ) -> pb.WorkflowSearchResult:
        total, found = await self._searches.workflows_by_tasks(request, call)
        results = [message_of(model.Workflow, each) for each in found]
        return pb.WorkflowSearchResult(total_hits=total, results=results)


def _given(call: Call, what: str, workflow_id: str, *scope: str) -> dict[str, Any]:
    """The fields that all commands share. Raises Refusal NOT_FOUND for an id that cannot exist."""
    said = call.said(what, known_form(workflow_id), *scope)
    return {
        "command_id": said.command_id,
        "workflow_id": workflow_id,
        "trace": said.trace,
        "actor": said.actor,
    }


def _summaries(total: int, hits: list[msgspec.Raw]) -> pb.WorkflowSummarySearchResult:
    found = [message_of(model.WorkflowSummary, msgspec.json.decode(hit)) for hit in hits]
    return pb.WorkflowSummarySearchResult(total_hits=total, results=found)
