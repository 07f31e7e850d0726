"""The read models as wholes: how far they are, making them anew, going back to the one before."""

from typing import Literal, Protocol

import msgspec

Verify = Literal["report", "strict", "off"]
"""What a difference between a new read model and the one in use does to a rebuild: it is told and
the new one taken (`report`), told and the new one thrown away (`strict`), or not looked for.
"""


class TableComparison(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One table of two read models. `different` counts rows that only one has or that differ;
    `first_ids` names some of them, `expected` says why they may differ. The digests (hex) are over
    all rows in the order of their ids.
    """

    table: str
    rows: int = 0
    new_rows: int = 0
    different: int = 0
    first_ids: tuple[str, ...] = ()
    expected: str = ""
    digest: str = ""
    new_digest: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A new read model beside the one in use, both at log `position`. `expected` says why all of
    them may differ; empty when nothing explains it.
    """

    position: int
    tables: tuple[TableComparison, ...] = ()
    expected: str = ""

    @property
    def different(self) -> int:
        return sum(table.different for table in self.tables)

    @property
    def unexplained(self) -> int:
        if self.expected:
            return 0
        return sum(table.different for table in self.tables if not table.expected)

    @property
    def rows(self) -> int:
        return sum(table.new_rows for table in self.tables)


class RebuildProgress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A rebuild, or what follows a rollback (`catch_up`): `position` of `target` log positions are
    done. `state`: running, done, held (strict, and there was a difference) or failed. `phase` of
    one that runs: reading, verifying or swapping. `rate` is positions a second; `left_s` is how
    long the reading will still take, as far as one can tell.
    """

    state: str
    model: int
    kind: Literal["rebuild", "catch_up"] = "rebuild"
    phase: str = "reading"
    commits: int = 0
    position: int = 0
    target: int = 0
    elapsed_s: float = 0.0
    rate: float = 0.0
    left_s: float = 0.0
    problem: str = ""
    comparison: Comparison | None = None


class Stopped(msgspec.Struct, frozen=True, rename="camel"):
    """A workflow that the projection cannot follow past a commit, and why."""

    workflow_id: str
    position: int
    problem: str


class StoredModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A read model on disk, by its number."""

    model: int
    size_bytes: int = 0


class ReadModelStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`position`: the last commit taken; `published`: the last one whose events are in EVENTS.
    `kept` is the model that a rollback puts in use again. `problem`: why the store of the rows
    cannot be reached; searches are answered 503 until it can.
    """

    active: bool
    instance: str = ""
    position: int = 0
    published: int = 0
    current: StoredModel | None = None
    kept: StoredModel | None = None
    rebuild: RebuildProgress | None = None
    stopped: list[Stopped] = []
    problem: str = ""


class ReadModelsPort(Protocol):
    """All raise Unavailable when no projection is active."""

    async def status(self) -> ReadModelStatus:
        """How far the active projection is, and what its last rebuild came to."""
        ...

    async def rebuild(self, verify: Verify = "report") -> RebuildProgress:
        """Starts a rebuild; `status` tells how it goes. Raises Refusal CONFLICT while one runs,
        ILLEGAL_STATE when there is no room for a second read model.
        """
        ...

    async def roll_back(self) -> RebuildProgress:
        """Puts the kept read model in use at once, and keeps the other one instead; `status` tells
        how it catches up. Raises Refusal CONFLICT while a rebuild runs, NOT_FOUND when none is
        kept, ILLEGAL_STATE when the one that is cannot be used.
        """
        ...

    async def drop_kept(self) -> None:
        """Removes the kept read model; nothing happens when there is none."""
        ...
