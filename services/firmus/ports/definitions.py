"""Definitions as registered and as pinned by a start."""

from typing import Literal, Protocol

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.requests import Tag


class Pinned(msgspec.Struct, frozen=True):
    """A resolved definition: task definitions embedded, stored once by the hash of its bytes."""

    sha256: str
    blueprint: Blueprint


TagOwner = Literal["workflow", "task"]
TagChange = Literal["add", "set", "remove"]


class DefinitionsPort(Protocol):
    """Definitions as registered. Reads see every registration answered before they began. `actor`
    is who asks for a change: where it is known, definitions say who made and who changed them.
    """

    async def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None:
        """A definition; the highest version when none is given."""
        ...

    async def workflows(self) -> list[WorkflowDef]: ...
    async def task(self, name: str) -> TaskDef | None: ...
    async def tasks(self) -> list[TaskDef]: ...

    async def last_change(self) -> int:
        """The number of the newest change of any definition; they grow."""
        ...

    async def pin(self, name: str, version: int | None = None) -> Pinned | None:
        """The resolved snapshot that a start runs (spec 3.1): task definitions embedded, versions
        of sub-workflows fixed. None when there is no such definition; raises Refusal when a
        sub-workflow without a version is not registered.
        """
        ...

    async def pin_inline(self, definition: WorkflowDef) -> Pinned: ...

    async def pinned(self, sha256: str) -> Blueprint:
        """The snapshot stored under a hash. Raises KeyError when there is none."""
        ...

    async def put_workflow(
        self, definition: WorkflowDef, *, overwrite: bool, actor: str = ""
    ) -> None:
        """Raises Refusal CONFLICT when it exists and may not be overwritten. Already validated."""
        ...

    async def delete_workflow(self, name: str, version: int, *, actor: str = "") -> bool: ...

    async def put_task(
        self, definition: TaskDef, *, must_exist: bool = False, actor: str = ""
    ) -> None:
        """Raises Refusal NOT_FOUND when it must exist and does not."""
        ...

    async def delete_task(self, name: str, *, actor: str = "") -> bool: ...
    async def schema(self, name: str, version: int | None = None) -> SchemaDef | None: ...
    async def schemas(self) -> list[SchemaDef]: ...
    async def delete_schemas(
        self, name: str, version: int | None = None, *, actor: str = ""
    ) -> bool: ...

    async def put_schema(
        self, name: str, schema: SchemaDef, *, new_version: bool = False, actor: str = ""
    ) -> None:
        """Replaces the version in it, or adds one above the highest. Already validated. Without a
        version, `schema` means the highest and `delete_schemas` all of them.
        """
        ...

    async def tags(self, what: TagOwner, name: str) -> list[Tag]:
        """Raises Refusal NOT_FOUND when nothing is registered under the name."""
        ...

    async def retag(
        self, what: TagOwner, name: str, change: TagChange, tags: list[Tag], *, actor: str = ""
    ) -> None:
        """Adds, removes or replaces the tags of a name. Raises Refusal NOT_FOUND, INVALID,
        NOT_IMPLEMENTED.
        """
        ...

    async def tagged(
        self, what: TagOwner, key: str | None = None, value: str | None = None
    ) -> set[str]:
        """The names with a tag of this key and value (None: of any)."""
        ...

    async def all_tags(self) -> list[tuple[str, Tag]]:
        """Those of all definitions, each with the name of its definition."""
        ...
