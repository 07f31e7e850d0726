"""Masked fields: what nobody but the workers of a workflow gets to see (`maskedFields`).

Names of properties, whose values are hidden wherever they stand in inputs, outputs and variables:
in what REST shows, in read models and in public events. The log has the values, and the copy of a
task that goes to its worker. Conductor stores the list and hides nothing (spec 1.3, "[gap]").
"""

from typing import Any, Final

MASK: Final = "***"
NOTHING: Final[frozenset[str]] = frozenset()
EVERYTHING: Final = frozenset({MASK})
"""Stands for the names of a definition that is lost: then nothing may be shown."""


def masked(value: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The value itself when nothing of it is hidden, else a copy."""
    if not names or not value:
        return value
    if names is EVERYTHING:
        return dict.fromkeys(value, MASK)
    return {
        key: MASK if key in names and item is not None else _inside(item, names)
        for key, item in value.items()
    }


def masked_value(value: Any, names: frozenset[str]) -> Any:
    """The same of any JSON value."""
    return _inside(value, names) if names else value


def _inside(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return masked(value, names)
    if isinstance(value, list):
        return [_inside(item, names) for item in value]
    return value
