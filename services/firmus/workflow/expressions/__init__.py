"""`${…}` expressions: paths, templates, inputs and how values read as text (spec section 2)."""

from firmus.workflow.expressions.coercion import case_text, function_body, truthy
from firmus.workflow.expressions.inputs import merge_workflow_input, task_input
from firmus.workflow.expressions.path import Path, compile_path, compiles
from firmus.workflow.expressions.references import bodies, references
from firmus.workflow.expressions.scope import MISSING, Assembled, Scope, Values
from firmus.workflow.expressions.template import Template, compile_template, resolve
from firmus.workflow.expressions.text import text_of

__all__ = [
    "MISSING",
    "Assembled",
    "Path",
    "Scope",
    "Template",
    "Values",
    "bodies",
    "case_text",
    "compile_path",
    "compile_template",
    "compiles",
    "function_body",
    "merge_workflow_input",
    "references",
    "resolve",
    "task_input",
    "text_of",
    "truthy",
]
