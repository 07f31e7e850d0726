"""Dialects: how the SQL of SQLite and that of PostgreSQL say the same. All that differs is here.

A compiled search holds known names and question marks only; values are bound. Texts compare by
their bytes on both, patterns without regard to the case of ASCII letters, nulls are the lowest.
"""

from collections.abc import Callable
from typing import Literal

import msgspec


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """`hit` is the column that numbers the rows of a table in the order they came. `text`, `number`
    and `items` are what a property of the stored summary is, its name in the place of `{}`; `items`
    is a table with the column `value`. `like` compares with a pattern, `fits` does so by bytes.
    `ascending` and `descending` order an expression that may be null. `value_name` is the name
    of an attribute where the values of one row are looked at: SQLite must not begin with the name.
    """

    hit: str
    value_name: str
    text: str
    number: str
    items: str
    like: str
    fits: Literal["GLOB", "LIKE"]
    ascending: str
    descending: str
    text_chars_max: int = 0
    """So much of an indexed name is kept in its column and compared; 0: all of it."""
    words: Callable[[str], list[str]] | None = None
    """The words of a text as the full-text index keeps them; None: the index itself finds them."""
    weighs_words: bool = False
    """Whether the store looks how many rows a text finds before it decides how to search."""


SQLITE = Dialect(
    hit="rowid",
    value_name="+name",
    text="json_extract(summary, '$.{}')",
    number="json_extract(summary, '$.{}')",
    items="json_each(summary, '$.{}')",
    like="LIKE",
    fits="GLOB",
    ascending="ASC",
    descending="DESC",
)

POSTGRES_TEXT_CHARS_MAX = 500


def postgres(words: Callable[[str], list[str]]) -> Dialect:
    """PostgreSQL's, with what finds the words of a text."""
    return Dialect(
        hit="hit",
        value_name="name",
        text="((summary ->> '{}') COLLATE \"C\")",
        number="CAST(summary ->> '{}' AS bigint)",
        items=(
            '(SELECT item COLLATE "C" AS value'
            " FROM json_array_elements_text(summary -> '{}') AS item) AS items"
        ),
        like="ILIKE",
        fits="LIKE",
        ascending="ASC NULLS FIRST",
        descending="DESC NULLS LAST",
        text_chars_max=POSTGRES_TEXT_CHARS_MAX,
        words=words,
        weighs_words=True,
    )
