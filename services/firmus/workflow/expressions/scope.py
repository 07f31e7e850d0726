"""What expressions are looked up in (spec 2.2)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

MISSING: Final[Any] = object()
"""Stands for "there is no such value", where None is a value."""


class Assembled(msgspec.Struct, frozen=True):
    """An object that costs something to put together: a path that goes on reads one key of it
    (`get`, None when absent), others get the `whole`.
    """

    get: Callable[[str], Any]
    whole: Callable[[], dict[str, Any]]


NOTHING_ALLOWED: Final[Mapping[str, str]] = {}


class Scope(Protocol):
    """A document with named values at its top, built no further than a path needs.

    `task_id` is what `${CPEWF_TASK_ID}` gives. `environment` holds the values that
    `${workflow.env.NAME}` and a bare `${NAME}` may read: whoever makes a scope lists them, the
    environment of the process is never read.
    """

    @property
    def task_id(self) -> str | None: ...

    @property
    def environment(self) -> Mapping[str, str]: ...

    def root(self, name: str) -> Any:
        """The value of a top-level key, MISSING when absent."""
        ...

    def field(self, name: str, key: str) -> Any:
        """What `root(name)` holds under `key`, MISSING when absent; the rest need not be built.
        An Assembled stands for an object.
        """
        ...

    def full(self) -> dict[str, Any]:
        """The whole document, for paths that scan it."""
        ...


class Values:
    """A scope over a plain object, such as the payload of an event."""

    __slots__ = ("_document", "environment", "task_id")

    def __init__(
        self,
        document: dict[str, Any],
        *,
        task_id: str | None = None,
        environment: Mapping[str, str] = NOTHING_ALLOWED,
    ) -> None:
        self._document = document
        self.task_id = task_id
        self.environment = environment

    def root(self, name: str) -> Any:
        return self._document.get(name, MISSING)

    def field(self, name: str, key: str) -> Any:
        value = self._document.get(name)
        return value.get(key, MISSING) if type(value) is dict else MISSING

    def full(self) -> dict[str, Any]:
        return self._document
