"""Whether the expressions in a task's inputs name something that can exist (spec 1.3).

Only top-level tasks are looked at, as Conductor does. Within an expression that holds others the
innermost ones are looked at, for only their text is known before they run.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from firmus.definitions.task_checks import error
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.errors import ValidationError

SYSTEM_NAMES = frozenset({"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"})
INNERMOST = re.compile(r"(?<!\$)\$\{((?:(?!(?<!\$)\$\{)[^}])*)\}")
_NEVER_A_PATH = ("workflow.secrets.", "workflow.env.")


def reference_errors(
    task: WorkflowTask, path: str, references: Collection[str], compiles: Callable[[str], bool]
) -> Iterable[ValidationError]:
    """A fault for each expression that does not compile or has a root that cannot exist.

    Roots are `workflow` and the `references` of the definition; system names stand alone.
    """
    for key, text in texts_in(None, task.input_parameters):
        for match in INNERMOST.finditer(text):
            expression = match[1]
            root = expression.split(".", 1)[0]
            if expression in SYSTEM_NAMES:
                continue
            if root != "workflow" and (not root or root not in references):
                yield error(
                    f"{path}.inputParameters.{key}",
                    f"taskReferenceName: {root} for given task: {task.name} input value: {key} "
                    f"of input parameter: {text} is not defined in workflow definition.",
                    text,
                )
            elif not expression.startswith(_NEVER_A_PATH) and not compiles(expression):
                yield error(
                    f"{path}.inputParameters.{key}",
                    f"key: {key} input parameter value: {text} is not a valid expression of "
                    f"given task: {task.name}",
                    text,
                )


def texts_in(key: str | None, value: Any) -> Iterable[tuple[str | None, str]]:
    """Every text inside a value, with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from texts_in(name, item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(key, item)
