"""What registered definitions choose for search.

The one registered under an execution's name and version counts, not the one that it runs: so a
choice that is changed later counts for old executions too, once their rows are written anew.
"""

import asyncio
from collections import defaultdict
from typing import Protocol

import msgspec

from firmus.workflow.attributes import Choice, choice_of
from firmus_contracts.definitions import WorkflowDef

KNOWN_MAX = 10_000


class RegisteredDefinitions(Protocol):
    """The part of `ports.DefinitionsPort` that is needed here."""

    async def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None: ...
    async def workflows(self) -> list[WorkflowDef]: ...

    async def last_change(self) -> int:
        """The number of the newest change of any definition; they grow."""
        ...


class Registered(msgspec.Struct, frozen=True):
    """What a registered definition chooses, and what it hides."""

    choice: Choice
    masked: frozenset[str]


class Choices:
    """Choices by name and version, each read once for as long as no definition changes."""

    def __init__(self, definitions: RegisteredDefinitions) -> None:
        self._definitions = definitions
        self._known: dict[tuple[str, int], Registered | None] = {}
        self._as_of = -1
        self._kinds: dict[str, frozenset[str]] = {}
        self._kinds_as_of = -1

    async def learn(self, keys: set[tuple[str, int]]) -> None:
        """Afterwards `get` knows these names and versions as they are registered now."""
        newest = await self._definitions.last_change()
        if newest != self._as_of or len(self._known) > KNOWN_MAX:
            self._known.clear()
            self._as_of = newest
        missing = [key for key in keys if key not in self._known]
        found = await asyncio.gather(*(self._definitions.workflow(*key) for key in missing))
        for key, definition in zip(missing, found, strict=True):
            self._known[key] = None if definition is None else registered(definition)

    def get(self, name: str, version: int) -> Registered | None:
        """None when nothing is registered under a name and version that was learnt before."""
        return self._known[name, version]

    async def kinds(self) -> dict[str, frozenset[str]]:
        """All attributes that registered definitions choose, and what they call them."""
        newest = await self._definitions.last_change()
        if newest != self._kinds_as_of:
            found: defaultdict[str, set[str]] = defaultdict(set)
            for definition in await self._definitions.workflows():
                for chosen in registered(definition).choice.attributes:
                    found[chosen.name].add(chosen.kind)
            self._kinds = {name: frozenset(kinds) for name, kinds in found.items()}
            self._kinds_as_of = newest
        return self._kinds


def registered(definition: WorkflowDef) -> Registered:
    masked = frozenset(definition.masked_fields)
    return Registered(choice_of(definition.metadata, masked), masked)
