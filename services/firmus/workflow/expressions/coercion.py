"""How results of scripts are read: as a condition, as the name of a case (spec 2.9, 3.6.3)."""

from typing import Any

from firmus.workflow.expressions.text import text_of


def truthy(value: Any) -> bool:
    """A boolean as it is, a number when above 0; everything else is false, also text and lists."""
    if isinstance(value, bool):
        return value
    return isinstance(value, int | float) and value > 0


def case_text(value: Any) -> str:
    """The case that a value selects: null gives `null`, true `true`, 1 `1`, 1.5 `1.5`."""
    return text_of(value)


def function_body(script: str) -> str:
    """A LAMBDA's script as an expression: the script must `return`; line numbers stay."""
    return f"(function () {{{script}\n}})()"
