"""The port of the read models: what the projection asks of a store, whichever it is.

Two stores offer it, with one contract (`tests/projection/test_store_contract.py`): SQLite files in
a folder (`folder`, `store`), and schemas of a PostgreSQL database (`postgres`). Everything here
blocks, if not said otherwise: `live.LiveModel` says what runs in threads.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from firmus.ports import Stopped, Unavailable
from firmus.projection.comparison import Snapshot
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.dialect import Dialect
from firmus.projection.fields import Searchable
from firmus.projection.query import Compiled
from firmus.projection.views import Row
from firmus.workflow.attributes import Attribute

PAGE_TOO_LARGE = "The page is too large: ask for a smaller size"


class UnusableModel(Exception):
    """What is stored is no read model of this build; it is built anew from the log."""


class StoreFault(Unavailable):
    """The store cannot be reached, broke off, or somebody else has written; nothing of the step was
    done, or all of it was. A model opened again tells which.
    """


class Attributed(msgspec.Struct, frozen=True):
    """The search attributes of an execution as of one revision of its row."""

    workflow_id: str
    revision: int
    workflow_type: str
    attributes: tuple[Attribute, ...]


class RowBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction changes. `attributes` are those of workflows that have some."""

    workflows: list[Row] = []
    tasks: list[Row] = []
    attributes: list[Attributed] = []
    removed_tasks: list[str] = []
    removed_workflows: list[str] = []
    stopped: list[Stopped] = []
    cursor: RowsCursor
    events: EventsCursor | None = None


class Found(msgspec.Struct, frozen=True):
    """One page, the number of all hits, and the log position that both reflect. `next` leads to
    the page behind it; empty where this one is not full.
    """

    total_hits: int
    summaries: list[msgspec.Raw]
    position: int
    next: str = ""


class ReadModel(Protocol):
    """An open read model: rows, the cursor they reflect, the index of their words. One writes at a
    time; any thread may call `find` and `index_words`.

    Rows and cursor change together: `begin`, any number of `put`, `finish`, `commit`. A transaction
    is refused with a StoreFault when the cursor is not the one that this model has read or written
    last: of two that write, by whatever mishap, the one that is behind changes nothing.
    """

    @property
    def dialect(self) -> Dialect:
        """What searches must be compiled in."""
        ...

    def rows_cursor(self) -> RowsCursor:
        """As of the last transaction. Does not wait for a network."""
        ...

    def events_checkpoint(self) -> EventsCursor:
        """As `rows_cursor`."""
        ...

    def stopped(self) -> list[Stopped]:
        """As `rows_cursor`."""
        ...

    def attribute_kinds(self) -> dict[str, frozenset[str]]:
        """The search attributes that executions have or had, and what their definitions call them.
        Does not wait for a network. Any thread may call it.
        """
        ...

    def made_by(self) -> str:
        """The build that made this model, as `rows_cursor`; rows of another one may differ."""
        ...

    def snapshot(self) -> Snapshot:
        """What the model holds now, to be read while it is written; any thread may ask for it and
        read it.
        """
        ...

    def begin(self) -> None:
        """Begins a transaction. Only `commit` waits for a network or a disk."""
        ...

    def put(self, workflows: Sequence[Row], tasks: Sequence[Row]) -> None:
        """Rows inserted or brought up to date. A row never goes back to an older revision."""
        ...

    def finish(self, batch: RowBatch) -> None:
        """What a transaction holds beside its rows. The attributes of a workflow in it are those
        that are listed, and none any more if it is not; of a row that is newer they stay.
        """
        ...

    def commit(self) -> None:
        """Raises StoreFault."""
        ...

    def roll_back(self) -> None:
        """Nothing happens when the transaction was committed already."""
        ...

    def index_words(self) -> bool:
        """Brings the full-text index a step nearer to the rows; False once it is there. Raises
        StoreFault.
        """
        ...

    def find(
        self, what: Searchable, search: Compiled, *, start: int, size: int, timeout_s: float = 60.0
    ) -> Found:
        """A page of hits. Raises StoreFault, also when it takes too long, and Refusal
        PAYLOAD_TOO_LARGE.
        """
        ...

    def close(self) -> None: ...


class ReadModels(Protocol):
    """The read models of one projection by their numbers, and which of them is in use. The one
    before is kept, so that a bad one can be rolled back. All of it raises StoreFault.
    """

    @property
    def dialect(self) -> Dialect: ...

    @property
    def shared(self) -> bool:
        """Whether other instances use the same models: a standby leaves them alone then, and else
        keeps its own up to date.
        """
        ...

    @property
    def readers(self) -> int:
        """So many searches are answered at once."""
        ...

    def open(self, number: int) -> ReadModel:
        """Opens a model, made when it does not exist. Raises UnusableModel."""
        ...

    def current(self) -> int | None:
        """The model in use; None before the first one."""
        ...

    def unused(self) -> int:
        """A number that no model has. Does not wait for a network, and knows of what was there when
        this process looked last.
        """
        ...

    def promote(self, number: int) -> None:
        """Makes a model the one in use, keeps the one before, and removes all others."""
        ...

    def kept(self) -> int | None:
        """The model that `exchange` puts in use again; None when there is none."""
        ...

    def exchange(self) -> int:
        """Puts the kept model in use again, and keeps the other one; returns its number. Raises
        FileNotFoundError when none was kept.
        """
        ...

    def size_bytes(self, number: int) -> int:
        """What a model takes of the disk."""
        ...

    def free_bytes(self) -> int | None:
        """What there is room for; None when the store cannot tell."""
        ...

    def remove(self, number: int) -> None: ...

    def remove_unfinished(self) -> None:
        """Removes what a rebuild left behind that was cut off: all but the one in use and the kept
        one.
        """
        ...

    def close(self) -> None: ...
