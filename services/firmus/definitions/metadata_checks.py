"""What firmus itself reads in a workflow's `metadata`; all else there is the author's own."""

from collections.abc import Iterable
from typing import Any

from firmus.definitions.task_checks import error
from firmus.workflow.attributes import KEY, choice_of
from firmus.workflow.secrets import GRANT_KEY
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import ValidationError

PAYLOAD_LIMIT = "payloadLimitKb"


def metadata_errors(definition: WorkflowDef, prefix: str) -> Iterable[ValidationError]:
    given = definition.metadata
    if GRANT_KEY in given and not _are_names(given[GRANT_KEY]):
        path = f"{prefix}metadata.{GRANT_KEY}"
        yield error(path, f"{path} must be a list of names of secrets")
    limit_kb = given.get(PAYLOAD_LIMIT, 1)
    if isinstance(limit_kb, bool) or not isinstance(limit_kb, int) or limit_kb < 1:
        path = f"{prefix}metadata.{PAYLOAD_LIMIT}"
        yield error(path, f"{path} must be a number of kilobytes from 1", limit_kb)
    for problem in choice_of(given, definition.masked_fields).problems:
        path = ".".join(filter(None, (f"{prefix}metadata.{KEY}", problem.place)))
        yield error(path, f"{path}: {problem.message}")


def _are_names(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(name, str) and name for name in given)
