"""The order of hits: what a search is sorted by, and then by the order in which rows came."""

import re

import msgspec

from firmus.projection.attribute_query import order
from firmus.projection.fields import AttributeField, Field, Searchable
from firmus_contracts.errors import Refusal


class Key(msgspec.Struct, frozen=True):
    """A part of the order: an expression and its direction, the latter as the store's dialect says
    it. `always`: it is never null. `number`: else it is a text. `attribute`: of this name.
    """

    sql: str
    descending: bool
    direction: str
    always: bool = False
    number: bool = False
    attribute: str = ""

    def __str__(self) -> str:
        return f"{self.sql} {self.direction}"


def _key(what: Searchable, field: Field, *, descending: bool) -> Key:
    words = ("DESC", what.dialect.descending) if descending else ("ASC", what.dialect.ascending)
    number = field.kind in ("number", "time")
    return Key(
        field.sql, descending, words[not field.always], field.always, number, field.attribute
    )


def compile_sort(what: Searchable, sort: str) -> tuple[Key, ...]:
    """`field:ASC|DESC`, several separated by `|` or `,`; ASC when no order is given."""
    keys: list[Key] = []
    for part in re.split(r"[|,]", sort):
        name, _, direction = part.strip().partition(":")
        name, direction = name.strip(), direction.strip().upper() or "ASC"
        if not name:
            continue
        field = what.field(name)
        if field is None or (isinstance(field, Field) and field.kind == "list"):
            raise Refusal("INVALID", f"Cannot sort by {name!r}: {what.known()}")
        if direction not in ("ASC", "DESC"):
            raise Refusal("INVALID", f"Cannot sort {name} {direction!r}: neither ASC nor DESC")
        fields = order(what, field) if isinstance(field, AttributeField) else [field]
        keys += [_key(what, one, descending=direction == "DESC") for one in fields]
    newest = Field(what.newest, "time", always=True)
    keys = keys or [_key(what, newest, descending=True)]
    # Rows that compare equal need an order too, or paging could show one twice.
    place = Field(f"{what.table}.{what.dialect.hit}", "number", always=True)
    return (*keys, _key(what, place, descending=keys[-1].descending))
