"""Free text: which words of a row can be found, and the index's query for what a user types."""

from collections.abc import Iterator
from typing import Any

from firmus.projection.fields import Searchable
from firmus_contracts.errors import Refusal

TABLES = {"workflows": "workflow_words", "tasks": "task_words"}
"""The index of each table of the read model; its rowids are the rows' own."""


def words_of(summary: dict[str, Any]) -> str:
    """What of a summary free text can find: its values, not the names of its properties."""
    return " ".join(_texts(summary))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def condition_of(what: Searchable, free_text: str) -> tuple[str, tuple[str, ...]]:
    """What rows must fulfil to be found by a text, with its parameters; empty: all are. Raises
    Refusal INVALID.
    """
    match = match_of(free_text)
    if not match:
        return "", ()
    words = TABLES[what.table]
    return f"rowid IN (SELECT rowid FROM {words} WHERE {words} MATCH ?)", (match,)  # noqa: S608 - a constant


def match_of(free_text: str) -> str:
    """The index's own query: every piece between blanks is a phrase of words, all must be there;
    a star at the end of a piece stands for the rest of a word. Empty: everything is found. Raises
    Refusal INVALID for a star elsewhere.
    """
    pieces = []
    for piece in free_text.split():
        plain = piece.strip("*")
        if "*" in plain:
            raise Refusal("INVALID", f"freeText: in {piece!r} a star stands within a word")
        if any(char.isalnum() for char in plain):
            phrase = plain.replace('"', '""')
            pieces.append(f'"{phrase}"{"*" if piece.endswith("*") else ""}')
    return " ".join(pieces)
