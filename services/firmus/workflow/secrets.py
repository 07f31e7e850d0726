"""Secrets: references stay literal in every record and are bound in the copy handed out (spec 2.7).

Only secrets that the definition grants to a task are ever bound, so data that merely looks like a
reference cannot read any other.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.dynamic import definition_of
from firmus.workflow.expressions import Values, compile_path
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.definitions import WorkflowDef

GRANT_KEY = "secrets"
_VARIABLES = b"workflow.variables"
_REFERENCE = re.compile(r"\$\{workflow\.secrets\.([^}]*)\}")


def granted(state: WorkflowState, row: TaskState, blueprint: Blueprint) -> frozenset[str]:
    """The secrets that are bound in the input of a row.

    Those that its task names in its input, and those that the definition grants to all its tasks
    (`metadata.secrets`). A task that reads variables may have found references there, which stay
    literal in them: it gets what SET_VARIABLE tasks and the initial variables name. A branch of a
    dynamic fork comes as data and names nothing itself: it gets what the fork gets. And all get
    what the workflow's starter handed on.
    """
    made = row.made
    if made.forked_by is None:
        names = named_by(blueprint, made.node or row.ref)
    else:
        fork = state.tasks[made.forked_by].made
        names = named_by(blueprint, fork.node or fork.ref)
        task_def = definition_of(state, row, blueprint)[1]
        names = names if task_def is None else names | _names(task_def.input_template)
    return names.union(state.secrets) if state.secrets else names


def handed_on(value: Any, names: frozenset[str]) -> tuple[str, ...]:
    """Those of the names to which there are references in a value, for who starts a workflow with
    it.
    """
    return tuple(sorted(names & _names(value))) if names else ()


def named_by(blueprint: Blueprint, ref: str) -> frozenset[str]:
    """The secrets that a task of the definition may have."""
    key = f"secrets:{ref}"
    known = blueprint.compiled.get(key)
    if not isinstance(known, frozenset):
        node = blueprint.node(ref)
        known = listed(blueprint.definition)
        if node is not None:
            templates = [node.task.input_parameters]
            if node.task_def is not None:
                templates.append(node.task_def.input_template)
            known |= _names(templates)
            if _VARIABLES in msgspec.json.encode(templates):
                known |= _in_variables(blueprint)
        blueprint.compiled[key] = known
    return known


def listed(definition: WorkflowDef) -> frozenset[str]:
    """What a definition grants to all its tasks, those that come as data included."""
    given = definition.metadata.get(GRANT_KEY)
    return frozenset(given) if isinstance(given, list) else frozenset()


def _in_variables(blueprint: Blueprint) -> frozenset[str]:
    setters = [
        node.task.input_parameters
        for node in blueprint.nodes.values()
        if node.task.type == "SET_VARIABLE"
    ]
    return _names([blueprint.definition.variables, *setters])


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
