"""How an operation is told: what it does, what it is asked with, and what it answers."""

from typing import Any, Final

import msgspec

JSON: Final = "application/json"
TEXT: Final = "text/plain"
ANY: Final = "*/*"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the query or a header. `unused`: taken, and without effect."""

    name: str
    about: str
    schema: dict[str, Any]
    required: bool = False
    place: str = "query"
    unused: bool = False


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a request carries. `any_type`: it is read as `media` whatever it says of itself."""

    shape: Any
    about: str = ""
    required: bool = True
    media: str = JSON
    any_type: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back with a status. `shape`: the type of its JSON; `media` None: no body.
    `or_empty`: the body may be missing all the same, as `about` says.
    """

    about: str
    shape: Any = None
    media: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    or_empty: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. `answers` by status; `refuses`: statuses of refusals with their
    error body, beside those that every operation of its kind has. `reason`: why it answers 501.
    """

    id: str
    tag: str
    summary: str
    about: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: dict[int, Answer] = {}
    refuses: tuple[int, ...] = ()
    reason: str = ""


def shaped(shape: Any, about: str, headers: tuple[tuple[str, str], ...] = ()) -> dict[int, Answer]:
    """200 with JSON of a type."""
    return {200: Answer(about=about, shape=shape, media=JSON, headers=headers)}


def shaped_or_empty(shape: Any, about: str) -> dict[int, Answer]:
    return {200: Answer(about=about, shape=shape, media=JSON, or_empty=True)}


def plain_or_empty(about: str) -> dict[int, Answer]:
    return {200: Answer(about=about, shape=str, media=TEXT, or_empty=True)}


def plain(about: str) -> dict[int, Answer]:
    """200 with a bare text, not quoted."""
    return {200: Answer(about=about, shape=str, media=TEXT)}


def done(about: str = "Done; there is no body", status: int = 200) -> dict[int, Answer]:
    """No body."""
    return {status: Answer(about=about)}


def body(shape: Any, about: str = "", *, required: bool = True) -> Body:
    return Body(shape=shape, about=about, required=required)
