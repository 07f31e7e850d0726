"""An inline definition of a sub-workflow that no registration has seen: checked when it starts."""

from collections import Counter

from firmus.definitions.unsupported import workflow_unsupported
from firmus.workflow.blueprint import child_lists
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import Refusal


def refuse_child(definition: WorkflowDef) -> None:
    """Raises Refusal INVALID for what could not run: no tasks, references that are missing or not
    unique, or anything that registration would refuse as not supported.
    """
    if not definition.tasks:
        raise Refusal("INVALID", f"Workflow {definition.name} has no tasks")
    refs: Counter[str] = Counter()
    pending = list(definition.tasks)
    while pending:
        task = pending.pop()
        refs[task.task_reference_name or ""] += 1
        for inner in child_lists(task):
            pending.extend(inner)
    if refs[""]:
        raise Refusal("INVALID", f"Workflow {definition.name} has a task without reference name")
    repeated = sorted(ref for ref, count in refs.items() if count > 1)
    if repeated:
        raise Refusal(
            "INVALID",
            f"taskReferenceName: {repeated[0]} should be unique across tasks for a given "
            f"workflowDefinition: {definition.name}",
        )
    problems = workflow_unsupported(definition)
    if problems:
        raise Refusal("INVALID", problems[0].message)
