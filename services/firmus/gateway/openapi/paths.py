"""Paths with the names that Conductor's document gives their parameters, and what these are."""

import re
from typing import Any, Final

from firmus.gateway.openapi.schemas import schema_of
from firmus_contracts.shape import Int
from firmus_contracts.statuses import ResultStatus

PARAMETER: Final = re.compile(r"\{(\w+)\}")
_WORKFLOW: Final = {"key": "workflowId", "ref": "taskReferenceName"}
_ROW: Final = {"key": "workflowId", "ref": "taskRefName", "task": "taskId"}

_NAMES: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    (r"\w+ /api/workflow/\{key\}/correlated", {"key": "name", "correlation": "correlationId"}),
    (r"\w+ /api/workflow/", _WORKFLOW),
    (r"\w+ /api/tasks/queue/", {"task_type": "taskType"}),
    (r"\w+ /api/tasks/poll/", {"task_type": "tasktype"}),
    (r"\w+ /api/tasks/\{key\}/\{ref\}/signal", {"key": "workflowId", "ref": "status"}),
    (r"\w+ /api/tasks/\{key\}/\{ref\}", _ROW),
    (r"\w+ /api/tasks/", {"key": "taskId"}),
    (r"\w+ /api/metadata/taskdefs/", {"key": "tasktype"}),
    (r"\w+ /api/admin/task/", {"key": "tasktype"}),
    (r"\w+ /api/admin/", {"key": "workflowId"}),
    (r"\w+ /api/queue/update/", _ROW),
    (r"\w+ /api/(environment|secrets)/", {}),
    (r"\w+ /api/keys/", {"key": "keyId"}),
    (r"\w+ /api/", {"key": "name"}),
)
"""For operations by pattern, the first that matches. Two paths that differ in their parameters'
names only are one path, which has one name for all its methods; `_OTHERWISE` says what it means.
"""

_ABOUT: Final = {
    "correlationId": "The correlation id that executions were started with",
    "key": "Its name",
    "keyId": "The id of an API key",
    "name": "Its name",
    "owner": "`workflow` or `task`",
    "side": "`input` or `output`",
    "status": "The status to report",
    "taskId": "The id of a task",
    "taskRefName": "The reference name of a task",
    "taskReferenceName": "The reference name of a task",
    "taskType": "The type of the tasks",
    "tasktype": "The type of the tasks",
    "version": "The version of the definition",
    "workflowId": "The id of an execution",
}
_OTHERWISE: Final = {
    ("GET /api/event/{name}", "name"): "The event, as `type:uri`",
    ("POST /api/workflow/{workflowId}", "workflowId"): "The name of the workflow",
}
_SCHEMAS: Final[dict[str, Any]] = {"status": ResultStatus, "version": Int}
CHECKED: Final = _SCHEMAS.keys()
"""Parameters of paths that a request can be refused for by themselves."""


def named(method: str, path: str) -> str:
    """A path with Conductor's names for its parameters."""
    for pattern, names in _NAMES:
        if re.match(pattern, f"{method} {path}"):
            return path.format_map(_Renaming(names))
    return path


class _Renaming(dict[str, str]):
    """For `format_map`: parameters under their new names, others as they are."""

    def __getitem__(self, name: str) -> str:
        return f"{{{self.get(name, name)}}}"


def of_path(method: str, path: str) -> list[dict[str, Any]]:
    """The parameters of a path, as the document has them."""
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _OTHERWISE.get((f"{method} {path}", name)) or _ABOUT.get(name, name),
            "schema": schema_of(_SCHEMAS.get(name, str)),
        }
        for name in PARAMETER.findall(path)
    ]
