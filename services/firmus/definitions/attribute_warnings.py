"""What is probably wrong with search attributes that may be registered."""

from collections.abc import Iterable

from firmus.definitions.task_checks import error
from firmus.workflow.attributes import KEY, choice_of
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import ValidationError


def attribute_warnings(
    definition: WorkflowDef, registered: Iterable[WorkflowDef]
) -> Iterable[ValidationError]:
    """Warns of names that another definition uses for another type: each execution's value is
    compared as its own definition says, which few expect.
    """
    chosen = choice_of(definition.metadata, definition.masked_fields).attributes
    if not chosen:
        return
    elsewhere: dict[tuple[str, str], WorkflowDef] = {}
    for other in registered:
        if (other.name, other.version) != (definition.name, definition.version):
            for one in choice_of(other.metadata, other.masked_fields).attributes:
                elsewhere.setdefault((one.name, one.kind), other)
    for one in chosen:
        for (name, kind), other in elsewhere.items():
            if name == one.name and kind != one.kind:
                path = f"metadata.{KEY}.{name}"
                yield error(
                    path,
                    f"{path} is a {one.kind} here and a {kind} in version {other.version} of"
                    f" {other.name}: a search compares each value as its own definition says",
                )
