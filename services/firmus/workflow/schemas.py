"""JSON Schemas of workflows and task definitions: whether a value fits, and where it does not.

Conductor stores `inputSchema`, `outputSchema` and `enforceSchema` and never looks at them (spec
1.3, 1.6, "[gap]"); here they are kept. A schema counts when its type is JSON and it has `data`;
registration refuses the others wherever they are enforced.
"""

from functools import lru_cache
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import msgspec

from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.errors import ValidationError

FAULTS_MAX = 20
MESSAGE_MAX = 300
BACKTRACKS_MAX = 10_000
"""Steps that one `pattern` may take on one text; beyond, the text does not fit."""
_HIDDEN: Final = "value"
_PLAIN_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_encode = msgspec.json.Encoder(order="sorted").encode


def enforced(definition: WorkflowDef | TaskDef | None, side: str) -> SchemaDef | None:
    """The schema of one side (`input` or `output`) that has to be kept, if there is one."""
    if definition is None or not definition.enforce_schema:
        return None
    schema = definition.input_schema if side == "input" else definition.output_schema
    return schema if schema is not None and schema.type == "JSON" and schema.data else None


def schema_problem(data: dict[str, Any]) -> str | None:
    """What is wrong with a schema itself, or None. Nothing is ever fetched for a `$ref`."""
    try:
        _validator(_encode(data), hides=False)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        return _cut(getattr(problem, "message", None) or str(problem))
    return None


def faults(
    schema: SchemaDef, value: dict[str, Any], root: str, *, hides: bool = False
) -> tuple[ValidationError, ...]:
    """Where `value` does not fit, as paths below `root`; empty when it does. `hides`: messages
    must not show values.
    """
    try:
        validator = _validator(_encode(schema.data), hides=hides)
        found = islice(validator.iter_errors(value), FAULTS_MAX)
        return tuple(
            ValidationError(path=_path(root, fault.instance_path), message=_cut(fault.message))
            for fault in found
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        return (ValidationError(path=root, message=f"cannot be checked: {_cut(str(problem))}"),)


def misfit(what: str, schema: SchemaDef, found: tuple[ValidationError, ...]) -> str:
    """One sentence for a reason or a message: which schema, and all the places."""
    named = f" {schema.name}/{schema.version}" if schema.name else ""
    places = "; ".join(f"{fault.path}: {fault.message}" for fault in found)
    return f"{what}{named}: {places}"


@lru_cache(maxsize=1024)
def _validator(data: bytes, *, hides: bool) -> jsonschema_rs.Validator:
    """Compiled once for each schema and process; without `$schema` it is of draft 2020-12."""
    return jsonschema_rs.validator_for(
        msgspec.json.decode(data),
        offline=True,
        mask=_HIDDEN if hides else None,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS_MAX),
    )


def _path(root: str, steps: list[str | int]) -> str:
    """`input.items[0].name`; names that would not read as one are quoted in brackets."""
    text = root
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step and _PLAIN_NAME.issuperset(step):
            text += f".{step}"
        else:
            text += f"[{msgspec.json.encode(step).decode()}]"
    return text


def _cut(message: str) -> str:
    return message if len(message) <= MESSAGE_MAX else f"{message[:MESSAGE_MAX]}…"
