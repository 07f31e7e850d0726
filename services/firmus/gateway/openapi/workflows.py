"""Operations on executions, as they are told."""

from typing import Any, Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import Operation, body, plain, shaped
from firmus_contracts.executions import SignalResponse, Workflow, WorkflowStatusView
from firmus_contracts.requests import (
    CorrelationIdsRequest,
    StartWorkflowRequest,
    WorkflowTestRequest,
)

TAG: Final = "Workflow"
_RUN: Final = (p.WAIT_SECONDS, p.WAIT_TASKS, p.STRATEGY, p.REQUEST_ID)
_SIGNAL: Final = shaped(SignalResponse, "How it ended or where it blocks")
_WORKFLOW: Final = shaped(Workflow, "The execution")
_BY_CORRELATION: Final = (p.INCLUDE_CLOSED, p.WITH_TASKS)

STARTS: Final = {
    "POST /api/workflow": Operation(
        id="startWorkflow",
        tag=TAG,
        summary="Start a workflow",
        about="By name and version, or by a definition in the request. The first decision is in"
        " the log when this is answered.",
        parameters=p.START,
        body=body(StartWorkflowRequest),
        answers=plain("The id of the execution"),
        refuses=(404, 409, 501),
    ),
    "POST /api/workflow/{workflowId}": Operation(
        id="startWorkflowByName",
        tag=TAG,
        summary="Start a workflow by its name",
        about="The body is the input.",
        parameters=(
            p.VERSION,
            p.text("correlationId", "What the execution can be found by."),
            p.integer("priority", "0 to 99.", default=0, minimum=0, maximum=99),
            *p.START,
        ),
        body=body(dict[str, Any], "The input of the execution"),
        answers=plain("The id of the execution"),
        refuses=(404, 409, 501),
    ),
    "POST /api/workflow/execute/{name}": Operation(
        id="executeLatestWorkflow",
        tag=TAG,
        summary="Run a workflow and wait for it",
        about="As with a version in the path; the version of the query counts, then that of the"
        " body, then the latest.",
        parameters=(p.VERSION, *_RUN, *p.START),
        body=body(StartWorkflowRequest),
        answers=_SIGNAL,
        refuses=(404, 409, 501),
    ),
    "POST /api/workflow/execute/{name}/{version}": Operation(
        id="executeWorkflow",
        tag=TAG,
        summary="Run a version of a workflow and wait for it",
        about="Answers when the execution has ended, when it waits for a signal, when a task of"
        " `waitUntilTaskRef` has ended, or after `waitForSeconds`. Version 0 is the latest.",
        parameters=(*_RUN, *p.START),
        body=body(StartWorkflowRequest, "Name and version of the path win over those in here"),
        answers=_SIGNAL,
        refuses=(404, 409, 501),
    ),
    "GET /api/workflow/execute/{name}": Operation(
        id="executeWorkflowByGet",
        tag=TAG,
        summary="Run a workflow by a GET: not offered",
        reason="A GET starts nothing here; POST does.",
    ),
    "POST /api/workflow/test": Operation(
        id="testWorkflow",
        tag=TAG,
        summary="Play a workflow with mocked results",
        about="The execution at its end, or where it stopped for want of a mock. Nothing of it"
        " stays but the execution, for a while.",
        parameters=(p.flag("virtualTime", "Whether time passes meanwhile: timers and timeouts."),),
        body=body(WorkflowTestRequest),
        answers=_WORKFLOW,
        refuses=(404, 501),
    ),
}

READS: Final = {
    "GET /api/workflow/{workflowId}": Operation(
        id="getWorkflowExecution",
        tag=TAG,
        summary="Get an execution",
        about="As the log has it at this moment.",
        parameters=(p.INCLUDE_TASKS,),
        answers=_WORKFLOW,
        refuses=(404,),
    ),
    "GET /api/workflow/{workflowId}/status": Operation(
        id="getWorkflowStatus",
        tag=TAG,
        summary="Get the status of an execution",
        parameters=(
            p.flag("includeOutput", "Whether the answer has the output."),
            p.flag("includeVariables", "Whether the answer has the variables."),
        ),
        answers=shaped(WorkflowStatusView, "The status"),
        refuses=(404,),
    ),
    "GET /api/workflow/{workflowId}/tasks": Operation(
        id="getWorkflowTasks",
        tag=TAG,
        summary="Get a page of the tasks of an execution",
        parameters=(
            p.integer("start", "How many to leave out.", default=0, minimum=0),
            p.integer("count", "How many to answer with.", default=15, minimum=0),
            p.TASK_STATUSES,
        ),
        answers=shaped(answered.SearchResultTask, "The page"),
        refuses=(404,),
    ),
    "GET /api/workflow/running/{name}": Operation(
        id="getRunningWorkflows",
        tag=TAG,
        summary="List open executions of a version",
        about="With both times, all that started between them, ended ones too.",
        parameters=(
            p.integer("version", "The version.", default=1),
            p.long("startTime", "Epoch milliseconds.", default=0),
            p.long("endTime", "Epoch milliseconds.", default=0),
        ),
        answers=shaped(answered.Names, "The ids of the executions"),
    ),
    "GET /api/workflow/{name}/correlated/{correlationId}": Operation(
        id="getCorrelatedWorkflows",
        tag=TAG,
        summary="List executions of a correlation id",
        about="Running ones, or all of them.",
        parameters=_BY_CORRELATION,
        answers=shaped(list[Workflow], "The executions"),
    ),
    "POST /api/workflow/{name}/correlated": Operation(
        id="getWorkflowsOfCorrelationIds",
        tag=TAG,
        summary="List executions of several correlation ids",
        parameters=_BY_CORRELATION,
        body=body(list[str], "The correlation ids"),
        answers=shaped(answered.WorkflowsByCorrelation, "The executions by correlation id"),
    ),
    "POST /api/workflow/correlated/batch": Operation(
        id="getWorkflowsByNamesAndCorrelationIds",
        tag=TAG,
        summary="List executions of several workflows and correlation ids",
        parameters=_BY_CORRELATION,
        body=body(CorrelationIdsRequest),
        answers=shaped(answered.WorkflowsByCorrelation, "The executions by correlation id"),
    ),
}

SEARCHES: Final = {
    "GET /api/workflow/search": Operation(
        id="searchWorkflows",
        tag=TAG,
        summary="Search executions",
        parameters=p.WORKFLOW_SEARCH,
        answers=shaped(answered.SearchResultWorkflowSummary, "Summaries", p.SEARCH_HEADERS),
    ),
    "GET /api/workflow/search-v2": Operation(
        id="searchWholeWorkflows",
        tag=TAG,
        summary="Search executions, whole",
        about="As the log has them, without their tasks.",
        parameters=p.WORKFLOW_SEARCH,
        answers=shaped(answered.SearchResultWorkflow, "Executions", p.SEARCH_HEADERS),
    ),
    "GET /api/workflow/search-by-tasks": Operation(
        id="searchWorkflowsByTasks",
        tag=TAG,
        summary="Search executions by their tasks",
        about="The query is about tasks, and the total counts them; each execution is there once.",
        parameters=p.SEARCH,
        answers=shaped(answered.SearchResultWorkflowSummary, "Summaries", p.SEARCH_HEADERS),
    ),
    "GET /api/workflow/search-by-tasks-v2": Operation(
        id="searchWholeWorkflowsByTasks",
        tag=TAG,
        summary="Search executions by their tasks, whole",
        parameters=p.SEARCH,
        answers=shaped(answered.SearchResultWorkflow, "Executions", p.SEARCH_HEADERS),
    ),
}
