"""How inputs are put together from what is given and from templates (spec 2.5)."""

from collections.abc import Mapping
from typing import Any

from firmus.workflow.expressions.scope import Scope
from firmus.workflow.expressions.template import Template, compile_template, resolve


def task_input(
    parameters: Template, template: Template | Mapping[str, Any] | None, scope: Scope
) -> dict[str, Any]:
    """A task's input from its inputParameters and its definition's inputTemplate.

    The template gives the top-level keys that are absent or written as null, its expressions
    resolved. A key that resolves to null gets the template's value as it is written.
    """
    out: dict[str, Any] = dict(resolve(parameters, scope))
    if not template:
        return out
    whole = template if isinstance(template, Template) else compile_template(dict(template))
    for key, entry in whole.entries.items():
        given = parameters.entries.get(key)
        absent = given is None or given.source is None
        value = resolve(entry, scope) if absent else out[key]
        out[key] = entry.source if value is None else value
    return out


def merge_workflow_input(
    template: Mapping[str, Any], given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A workflow's input: the template gives the keys that are absent or null, nothing resolved.

    An input that is empty or missing stays empty.
    """
    if not given:
        return {}
    out = dict(given)
    for key, value in template.items():
        if out.get(key) is None:
            out[key] = value
    return out
