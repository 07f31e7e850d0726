"""Free text: which words of a row can be found, and the condition for what a user types.

Words are what SQLite's tokenizer makes of a text: letters and digits, without case and without the
diacritics of Latin letters. In SQLite the index takes texts as they are; in PostgreSQL it keeps
the words of a row twice, as a set (`lexemes`, for its index) and in their order (`words`), which
phrases are looked up in.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from firmus.projection.fields import Searchable
from firmus_contracts.errors import Refusal

TABLES = {"workflows": "workflow_words", "tasks": "task_words"}
"""The index of each table of the read model; its rows have the numbers of the rows themselves."""

LEXEME_CHARS_MAX = 500
LEXEMES_CHARS_MAX = 200_000
"""Of a set, which PostgreSQL lets grow to a megabyte."""
MANY = "*"
"""The one lexeme of a row with more words than a set may hold; no word is a star."""


class Piece(msgspec.Struct, frozen=True):
    """A phrase that must be there; `open`: its last word may go on."""

    text: str
    open: bool


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


def pieces_of(free_text: str) -> list[Piece]:
    """Every piece between blanks is a phrase of words, all must be there; a star at the end of a
    piece stands for the rest of a word. Empty: everything is found. Raises Refusal INVALID for a
    star elsewhere.
    """
    pieces = []
    for piece in free_text.split():
        plain = piece.strip("*")
        if "*" in plain:
            raise Refusal("INVALID", f"freeText: in {piece!r} a star stands within a word")
        if any(char.isalnum() for char in plain):
            pieces.append(Piece(plain, piece.endswith("*")))
    return pieces


def hits_of(what: Searchable, free_text: str) -> tuple[str, list[str]]:
    """What selects the numbers of the rows that a text finds, with its parameters; empty: it finds
    all. Raises Refusal INVALID.
    """
    pieces = pieces_of(free_text)
    if not pieces:
        return "", []
    table, hit = TABLES[what.table], what.dialect.hit
    words = what.dialect.words
    if words is None:
        return f"SELECT {hit} FROM {table} WHERE {table} MATCH ?", [_match(pieces)]  # noqa: S608 - constants
    phrases = [(found, piece.open) for piece in pieces if (found := words(piece.text))]
    if not phrases:
        return "", []
    needed = [it for it in phrases if len(it[0]) > 1 or len(it[0][0]) > LEXEME_CHARS_MAX]
    few, few_bound = _stand(needed)
    many, many_bound = _stand(phrases)
    return (
        f"SELECT {hit} FROM {table} WHERE"  # noqa: S608 - constants
        f" (lexemes @@ CAST(? AS tsquery){few}) OR (lexemes @@ CAST(? AS tsquery){many})"
    ), [_lexemes(phrases), *few_bound, f"'{MANY}'", *many_bound]


def _match(pieces: list[Piece]) -> str:
    """The query of SQLite's index."""
    quoted = ((piece.text.replace('"', '""'), piece.open) for piece in pieces)
    return " ".join(f'"{phrase}"{"*" if opened else ""}' for phrase, opened in quoted)


def _lexemes(phrases: list[tuple[list[str], bool]]) -> str:
    """The query of PostgreSQL's index: all words of all phrases."""
    found = []
    for words, opened in phrases:
        *first, last = [f"'{word[:LEXEME_CHARS_MAX]}'" for word in words]
        found += [*first, f"{last}:*" if opened else last]
    return " & ".join(found)


def _stand(phrases: list[tuple[list[str], bool]]) -> tuple[str, list[str]]:
    """That phrases stand in the text of a row's words."""
    sql = " AND strpos(words, ?) > 0" * len(phrases)
    return sql, [f" {' '.join(words)}{'' if opened else ' '}" for words, opened in phrases]
