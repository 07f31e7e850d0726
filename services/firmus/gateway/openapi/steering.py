"""Operations that change executions, one by one and several at once, as they are told."""

from typing import Any, Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import Operation, Parameter, body, done, plain, shaped
from firmus.gateway.openapi.workflows import TAG
from firmus_contracts.executions import SignalResponse, Workflow
from firmus_contracts.requests import (
    RerunWorkflowRequest,
    SkipTaskRequest,
    UpgradeWorkflowRequest,
    WorkflowStateUpdate,
)

_BULK: Final = "Bulk"
_IDS: Final = body(list[str], "1 to 1000 ids of executions")
_EACH: Final = shaped(answered.BulkResponseString, "What became of each")


def _steered(
    named: str, summary: str, about: str = "", *parameters: Parameter, **fields: Any
) -> Operation:
    return Operation(
        **{
            "id": named,
            "tag": TAG,
            "summary": summary,
            "about": about,
            "parameters": (*parameters, *p.COMMAND),
            "answers": done(),
            "refuses": (404, 409),
            **fields,
        }
    )


def _bulk(named: str, summary: str, about: str, *parameters: Parameter) -> Operation:
    return Operation(
        id=named,
        tag=_BULK,
        summary=summary,
        about=about,
        parameters=(*parameters, *p.COMMAND),
        body=_IDS,
        answers=_EACH,
    )


ONE: Final = {
    "PUT /api/workflow/{workflowId}/pause": _steered(
        "pauseWorkflow",
        "Pause an execution",
        "No new tasks are made until it is resumed.",
        p.REASON,
    ),
    "PUT /api/workflow/{workflowId}/resume": _steered(
        "resumeWorkflow", "Resume a paused execution", "", p.REASON
    ),
    "PUT /api/workflow/decide/{workflowId}": _steered(
        "decideWorkflow",
        "Decide an execution again",
        "Harmless: what is due is done anyway.",
    ),
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}": _steered(
        "skipTaskFromWorkflow",
        "Skip a task that the flow has not reached",
        "It gets the input and output given here, and the flow steps over it.",
        p.REASON,
        body=body(SkipTaskRequest, required=False),
    ),
    "DELETE /api/workflow/{workflowId}": _steered(
        "terminateWorkflow",
        "Terminate an execution",
        "Its open tasks and sub-workflows end with it.",
        p.REASON,
        p.FAILURE_WORKFLOW,
    ),
    "DELETE /api/workflow/{workflowId}/terminate": _steered(
        "terminateWorkflowByName",
        "Terminate an execution (published contract)",
        "The same as DELETE of the execution itself.",
        p.REASON,
        p.FAILURE_WORKFLOW,
    ),
    "DELETE /api/workflow/{workflowId}/remove": _steered(
        "removeWorkflow",
        "Remove an execution",
        "From then on nobody knows it.",
        p.ARCHIVE,
        p.REASON,
    ),
    "DELETE /api/workflow/{workflowId}/terminate-remove": _steered(
        "terminateAndRemoveWorkflow",
        "Terminate an execution and remove it",
        "Both or nothing, in one step.",
        p.REASON,
        p.ARCHIVE,
    ),
    "POST /api/workflow/{workflowId}/restart": _steered(
        "restartWorkflow",
        "Run an ended execution again from its beginning",
        "",
        p.LATEST_DEFINITIONS,
        p.REASON,
        answers=done(status=204),
    ),
    "POST /api/workflow/{workflowId}/retry": _steered(
        "retryWorkflow",
        "Run an ended execution again from its failed tasks",
        "",
        p.flag(
            "resumeSubworkflowTasks",
            "Whether failed sub-workflows go on where they failed, rather than begin anew.",
        ),
        p.REASON,
        answers=done(status=204),
    ),
    "POST /api/workflow/{workflowId}/rerun": _steered(
        "rerunWorkflow",
        "Run an ended execution again from a task",
        "`reRunFromWorkflowId` does not count: the path names the execution.",
        p.REASON,
        body=body(RerunWorkflowRequest),
        answers=plain("The id of the execution"),
    ),
    "POST /api/workflow/{workflowId}/resetcallbacks": _steered(
        "resetWorkflowCallbacks",
        "Offer tasks at once that wait for their callback",
        answers=done(status=204),
    ),
    "POST /api/workflow/{workflowId}/messages": _steered(
        "pushWorkflowMessage",
        "Push a message to an execution",
        "For its PULL_WORKFLOW_MESSAGES tasks.",
        body=body(dict[str, Any], "The message"),
        answers=plain("The id of the message"),
    ),
    "POST /api/workflow/{workflowId}/variables": _steered(
        "updateWorkflowVariables",
        "Set variables of an execution",
        "Variables that are not named stay.",
        p.REASON,
        body=body(dict[str, Any], "The variables to set"),
        answers=shaped(Workflow, "The execution"),
    ),
    "POST /api/workflow/{workflowId}/state": _steered(
        "updateWorkflowState",
        "Set variables and report tasks in one step",
        "Answered as a synchronous run is; with `waitForSeconds=0` at once.",
        p.WAIT_SECONDS,
        p.WAIT_TASKS,
        p.STRATEGY,
        p.REQUEST_ID,
        p.REASON,
        body=body(WorkflowStateUpdate),
        answers=shaped(SignalResponse, "How it ended or where it blocks"),
    ),
    "POST /api/workflow/{workflowId}/upgrade": _steered(
        "upgradeWorkflow",
        "Move a running execution to another version",
        "What was reached has to stand in that version at the same place.",
        p.REASON,
        body=body(UpgradeWorkflowRequest),
    ),
    "POST /api/workflow/{workflowId}/jump/{taskReferenceName}": _steered(
        "jumpToTask",
        "Go on at a task",
        "What is open is left behind: it ends SKIPPED, its sub-workflows are terminated.",
        p.text(
            "taskReferenceName",
            "The task, for clients that leave the path as it stands in a document.",
        ),
        p.REASON,
        body=body(dict[str, Any], "Laid over the input of the task", required=False),
    ),
}

MANY: Final = {
    "PUT /api/workflow/bulk/pause": _bulk(
        "pauseWorkflows", "Pause several executions", "", p.REASON
    ),
    "PUT /api/workflow/bulk/resume": _bulk(
        "resumeWorkflows", "Resume several executions", "", p.REASON
    ),
    "POST /api/workflow/bulk/restart": _bulk(
        "restartWorkflows", "Restart several executions", "", p.LATEST_DEFINITIONS, p.REASON
    ),
    "POST /api/workflow/bulk/retry": _bulk(
        "retryWorkflows",
        "Retry several executions",
        "Failed sub-workflows begin anew.",
        p.REASON,
    ),
    "POST /api/workflow/bulk/terminate": _bulk(
        "terminateWorkflows",
        "Terminate several executions",
        "",
        p.REASON,
        p.FAILURE_WORKFLOW,
    ),
    "DELETE /api/workflow/bulk/remove": _bulk(
        "removeWorkflows", "Remove several executions", "", p.ARCHIVE, p.REASON
    ),
    "DELETE /api/workflow/bulk/terminate-remove": _bulk(
        "terminateAndRemoveWorkflows",
        "Terminate several executions and remove them",
        "Each is removed even where it cannot be terminated; each of the two steps that goes"
        " through is listed by itself.",
        p.ARCHIVE,
        p.REASON,
        p.FAILURE_WORKFLOW,
    ),
    "POST /api/workflow/bulk/search": Operation(
        id="getWorkflowsByIds",
        tag=_BULK,
        summary="Get several executions",
        parameters=(p.INCLUDE_TASKS,),
        body=_IDS,
        answers=shaped(answered.BulkResponseWorkflow, "The executions"),
    ),
}
