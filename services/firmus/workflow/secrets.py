"""Secrets: references stay literal in every record and are bound in the copy handed out (spec 2.7).

Only secrets that the task's own definition names are ever bound, so data that merely looks like a
reference cannot read any other.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.expressions import Values, compile_path

_REFERENCE = re.compile(r"\$\{workflow\.secrets\.([^}]*)\}")


def named_by(blueprint: Blueprint, ref: str) -> frozenset[str]:
    """The secrets that a task of the definition names in its input."""
    key = f"secrets:{ref}"
    known = blueprint.compiled.get(key)
    if not isinstance(known, frozenset):
        node = blueprint.node(ref)
        known = frozenset() if node is None else _names(node.task.input_parameters)
        if node is not None and node.task_def is not None:
            known |= _names(node.task_def.input_template)
        blueprint.compiled[key] = known
    return known


def _names(template: Any) -> frozenset[str]:
    text = msgspec.json.encode(template).decode()
    return frozenset(match.split(".", 1)[0] for match in _REFERENCE.findall(text))


def bind(value: Any, names: frozenset[str], secrets: Mapping[str, str]) -> Any:
    """A copy with the references to `names` replaced: alone they keep their type (missing: null),
    inside text they become text (missing: empty).
    """
    if isinstance(value, str):
        return _bind_text(value, names, secrets)
    if isinstance(value, dict):
        return {key: bind(item, names, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [bind(item, names, secrets) for item in value]
    return value


def _bind_text(text: str, names: frozenset[str], secrets: Mapping[str, str]) -> Any:
    if "${workflow.secrets." not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole is not None:
        path = whole[1]
        return _value(path, secrets) if path.split(".", 1)[0] in names else text

    def replaced(match: re.Match[str]) -> str:
        if match[1].split(".", 1)[0] not in names:
            return match[0]
        found = _value(match[1], secrets)
        return "" if found is None else str(found)

    return _REFERENCE.sub(replaced, text)


def _value(path: str, secrets: Mapping[str, str]) -> Any:
    """`NAME`, or `NAME.path` into the secret's JSON; None where there is none."""
    name, _, rest = path.partition(".")
    secret = secrets.get(name)
    if secret is None or not rest:
        return secret
    try:
        return compile_path(rest).find(Values(msgspec.json.decode(secret)))
    except (ValueError, msgspec.MsgspecError):
        return None
