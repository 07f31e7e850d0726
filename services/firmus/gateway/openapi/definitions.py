"""Operations on definitions and schemas, as they are told."""

from typing import Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import Operation, body, done, shaped, shaped_or_empty
from firmus_contracts.definitions import (
    RateLimitConfig,
    SchemaDef,
    TaskDef,
    WorkflowDef,
    WorkflowDefSummary,
)
from firmus_contracts.requests import Tag

_WORKFLOWS: Final = "Metadata - Workflow"
_TASKS: Final = "Metadata - Task"
_SCHEMAS: Final = "Schema"
_BY_TAG: Final = (
    p.text("tagKey", "Only those with a tag of this key."),
    p.text("tagValue", "Only those with a tag of this value."),
)
_TAGGING: Final = body(Tag | list[Tag], "One tag, or several.")


def _tags(what: str, tag: str) -> dict[str, Operation]:
    """The operations on the tags of a definition; `what` is the word for it in paths."""
    path = f"/api/metadata/{what}/{{name}}/tags"

    def changing(verb: str, about: str) -> Operation:
        return Operation(
            id=f"{verb}{what.capitalize()}DefinitionTags",
            tag=tag,
            summary=f"{verb.capitalize()} tags of a {what} definition",
            about=about,
            body=_TAGGING,
            answers=done(),
            refuses=(404, 501),
        )

    return {
        f"GET {path}": Operation(
            id=f"get{what.capitalize()}DefinitionTags",
            tag=tag,
            summary=f"Get the tags of a {what} definition",
            answers=shaped(list[Tag], "The tags"),
            refuses=(404,),
        ),
        f"POST {path}": changing("add", "A key may have several values."),
        f"PUT {path}": changing("set", "It has these from then on, and no others."),
        f"DELETE {path}": changing("delete", "They are named by key and value."),
    }


WORKFLOWS: Final = {
    "POST /api/metadata/workflow": Operation(
        id="createWorkflowDefinition",
        tag=_WORKFLOWS,
        summary="Register a workflow definition",
        parameters=(p.flag("overwrite", "Whether a version that exists is replaced."),),
        body=body(WorkflowDef),
        answers=done(),
        refuses=(409,),
    ),
    "PUT /api/metadata/workflow": Operation(
        id="updateWorkflowDefinitions",
        tag=_WORKFLOWS,
        summary="Register or replace several workflow definitions",
        about="One that is wrong refuses them all.",
        body=body(list[WorkflowDef]),
        answers=shaped(answered.BulkResponseString, "What became of each, by name"),
    ),
    "POST /api/metadata/workflow/validate": Operation(
        id="validateWorkflowDefinition",
        tag=_WORKFLOWS,
        summary="Check a workflow definition",
        about="Refused as its registration would be.",
        body=body(WorkflowDef),
        answers=shaped_or_empty(
            answered.ValidationWarnings, "It may be registered; warnings, or no body for none"
        ),
    ),
    "GET /api/metadata/workflow": Operation(
        id="getAllWorkflowDefinitions",
        tag=_WORKFLOWS,
        summary="List all workflow definitions",
        about="All versions.",
        parameters=(p.text("classifier", "Only those of a kind."), *_BY_TAG),
        answers=shaped(list[WorkflowDef], "The definitions"),
    ),
    "GET /api/metadata/workflow/latest-versions": Operation(
        id="getLatestWorkflowDefinitions",
        tag=_WORKFLOWS,
        summary="List the latest version of each workflow definition",
        answers=shaped(list[WorkflowDef], "The definitions"),
    ),
    "GET /api/metadata/workflow/names": Operation(
        id="getWorkflowNames",
        tag=_WORKFLOWS,
        summary="List the names of workflow definitions",
        answers=shaped(answered.Names, "The names"),
    ),
    "GET /api/metadata/workflow/names-and-versions": Operation(
        id="getWorkflowNamesAndVersions",
        tag=_WORKFLOWS,
        summary="List the names and versions of workflow definitions",
        answers=shaped(answered.SummariesByName, "The versions by name"),
    ),
    "GET /api/metadata/workflow/{name}": Operation(
        id="getWorkflowDefinition",
        tag=_WORKFLOWS,
        summary="Get a workflow definition",
        parameters=(p.VERSION,),
        answers=shaped(WorkflowDef, "The definition"),
        refuses=(404,),
    ),
    "GET /api/metadata/workflow/{name}/versions": Operation(
        id="getWorkflowVersions",
        tag=_WORKFLOWS,
        summary="List the versions of a workflow definition",
        answers=shaped(list[WorkflowDefSummary], "The versions; none of an unknown name"),
    ),
    "DELETE /api/metadata/workflow/{name}": Operation(
        id="deleteWorkflowDefinition",
        tag=_WORKFLOWS,
        summary="Delete a version of a workflow definition (published contract)",
        about="Executions go on with the version that they have.",
        parameters=(p.VERSION,),
        answers=done(status=204),
        refuses=(404,),
    ),
    "DELETE /api/metadata/workflow/{name}/{version}": Operation(
        id="deleteWorkflowDefinitionVersion",
        tag=_WORKFLOWS,
        summary="Delete a version of a workflow definition",
        about="Executions go on with the version that they have.",
        answers=done(),
        refuses=(404,),
    ),
    **_tags("workflow", _WORKFLOWS),
    "GET /api/metadata/workflow/{name}/rate-limit": Operation(
        id="getWorkflowRateLimit",
        tag=_WORKFLOWS,
        summary="Get the rate limit of a workflow",
        about="That of its latest version.",
        answers=shaped(RateLimitConfig, "The limit"),
        refuses=(404,),
    ),
    "PUT /api/metadata/workflow/{name}/rate-limit": Operation(
        id="setWorkflowRateLimit",
        tag=_WORKFLOWS,
        summary="Set the rate limit of a workflow",
        about="As `rateLimitConfig` of every version.",
        body=body(RateLimitConfig),
        answers=done(),
        refuses=(404,),
    ),
    "DELETE /api/metadata/workflow/{name}/rate-limit": Operation(
        id="deleteWorkflowRateLimit",
        tag=_WORKFLOWS,
        summary="Delete the rate limit of a workflow",
        about="Of every version.",
        answers=done(),
        refuses=(404,),
    ),
    "GET /api/metadata/tags": Operation(
        id="getDefinitionTags",
        tag=_WORKFLOWS,
        summary="List the tags of all definitions",
        about="Of workflows and tasks, each tag once.",
        answers=shaped(list[Tag], "The tags"),
    ),
}

TASKS: Final = {
    **_tags("task", _TASKS),
    "POST /api/metadata/taskdefs": Operation(
        id="createTaskDefinitions",
        tag=_TASKS,
        summary="Register or replace task definitions",
        about="One that is wrong refuses them all.",
        body=body(list[TaskDef]),
        answers=done(),
    ),
    "PUT /api/metadata/taskdefs": Operation(
        id="updateTaskDefinition",
        tag=_TASKS,
        summary="Replace a task definition",
        body=body(TaskDef),
        answers=done(),
        refuses=(404,),
    ),
    "GET /api/metadata/taskdefs": Operation(
        id="getAllTaskDefinitions",
        tag=_TASKS,
        summary="List all task definitions",
        parameters=_BY_TAG,
        answers=shaped(list[TaskDef], "The definitions"),
    ),
    "GET /api/metadata/taskdefs/{tasktype}": Operation(
        id="getTaskDefinition",
        tag=_TASKS,
        summary="Get a task definition",
        answers=shaped(TaskDef, "The definition"),
        refuses=(404,),
    ),
    "DELETE /api/metadata/taskdefs/{tasktype}": Operation(
        id="deleteTaskDefinition",
        tag=_TASKS,
        summary="Delete a task definition",
        answers=done(),
        refuses=(404,),
    ),
}

SCHEMAS: Final = {
    "POST /api/schema": Operation(
        id="saveSchemas",
        tag=_SCHEMAS,
        summary="Register or replace schemas",
        about="One, or a list of them; one that is wrong refuses them all.",
        parameters=(p.flag("newVersion", "Whether each becomes the version after the latest."),),
        body=body(SchemaDef | list[SchemaDef]),
        answers=done(),
    ),
    "GET /api/schema": Operation(
        id="getAllSchemas",
        tag=_SCHEMAS,
        summary="List all schemas",
        answers=shaped(list[SchemaDef], "The schemas"),
    ),
    "GET /api/schema/{name}": Operation(
        id="getLatestSchema",
        tag=_SCHEMAS,
        summary="Get the latest version of a schema",
        answers=shaped(SchemaDef, "The schema"),
        refuses=(404,),
    ),
    "GET /api/schema/{name}/{version}": Operation(
        id="getSchema",
        tag=_SCHEMAS,
        summary="Get a version of a schema",
        answers=shaped(SchemaDef, "The schema"),
        refuses=(404,),
    ),
    "DELETE /api/schema/{name}": Operation(
        id="deleteSchemas",
        tag=_SCHEMAS,
        summary="Delete all versions of a schema",
        answers=done(),
        refuses=(404,),
    ),
    "DELETE /api/schema/{name}/{version}": Operation(
        id="deleteSchema",
        tag=_SCHEMAS,
        summary="Delete a version of a schema",
        answers=done(),
        refuses=(404,),
    ),
}
