"""Comparison: what tells a read model that was just built from the one in use.

Both are read at the same log position, in the order of their ids, a thousand rows of each at a
time, or fewer large ones. The store makes one digest of such a chunk; only where two differ are
single rows looked at.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Protocol

import msgspec

from firmus.ports import Comparison, TableComparison

CHUNK_ROWS = 1000
FIRST_IDS = 10
TABLES = ("workflows", "tasks", "stopped", "attributes")
REGISTERED = "definitions that were registered meanwhile may choose others"
"""Why attributes may differ: rows have those that were chosen when they were written."""


class Chunk(msgspec.Struct, frozen=True):
    """So many rows, the last one's id, and a digest of what they hold, their store's own numbers
    left out.
    """

    count: int
    last: str
    digest: bytes


class Snapshot(Protocol):
    """A read model as it was at one log position, whatever is written into it meanwhile."""

    def position(self) -> int: ...

    def chunk(self, table: str, after: str, size: int) -> Chunk:
        """The first `size` rows with ids above `after`. Raises TooLarge, as `rows` does."""
        ...

    def rows(self, table: str, after: str, size: int) -> dict[str, str]:
        """The same rows one by one, by their ids; equal rows have equal texts."""
        ...

    def close(self) -> None: ...


class TooLarge(Exception):
    """So many rows together are more than a store takes in one piece."""


class DifferentPositions(Exception):
    """Two read models of different log positions have nothing to compare."""


def compare(live: Snapshot, new: Snapshot, *, expected: str = "") -> Iterator[Comparison]:
    """The comparison as far as it has come, after each chunk; the last one is whole. Blocks.

    Raises DifferentPositions.
    """
    position = live.position()
    if new.position() != position:
        raise DifferentPositions(f"positions {position} and {new.position()}")
    done: tuple[TableComparison, ...] = ()
    for table in TABLES:
        walk = _Walk(live, new, table)
        while walk.step():
            yield Comparison(position=position, tables=(*done, walk.result()), expected=expected)
        done = (*done, walk.result())
    yield Comparison(position=position, tables=done, expected=expected)


class _Walk:
    """One table of both models, read side by side."""

    def __init__(self, live: Snapshot, new: Snapshot, table: str) -> None:
        self._sides = (live, new)
        self._table = table
        self._after = ""
        self._size = CHUNK_ROWS
        self._digests = (blake2b(digest_size=16), blake2b(digest_size=16))
        self._counts = [0, 0]
        self._different = 0
        self._first: list[str] = []

    def step(self) -> bool:
        """Compares the next chunk; False when there was no more to compare."""
        while True:
            try:
                return self._step()
            except TooLarge:
                if self._size == 1:
                    raise
                self._size = self._size // 4 or 1

    def _step(self) -> bool:
        live, new = (side.chunk(self._table, self._after, self._size) for side in self._sides)
        if live == new:
            for digest in self._digests:
                digest.update(live.digest)
            self._count(live.count, new.count)
            self._after = live.last
            return live.count == self._size
        return self._row_by_row(full=(live.count == self._size, new.count == self._size))

    def _row_by_row(self, *, full: tuple[bool, bool]) -> bool:
        """Up to the id that both chunks reach: behind it one of them was not read."""
        found = [side.rows(self._table, self._after, self._size) for side in self._sides]
        ends = [max(rows) for rows, is_full in zip(found, full, strict=True) if is_full]
        if ends:
            end = min(ends)
            found = [{key: row for key, row in rows.items() if key <= end} for rows in found]
            self._after = end
        live, new = found
        for digest, rows in zip(self._digests, found, strict=True):
            for key in sorted(rows):
                digest.update(rows[key].encode())
        self._count(len(live), len(new))
        different = sorted(key for key in live.keys() | new.keys() if live.get(key) != new.get(key))
        self._different += len(different)
        self._first += different[: FIRST_IDS - len(self._first)]
        return bool(ends)

    def _count(self, live: int, new: int) -> None:
        self._counts[0] += live
        self._counts[1] += new

    def result(self) -> TableComparison:
        return TableComparison(
            table=self._table,
            rows=self._counts[0],
            new_rows=self._counts[1],
            different=self._different,
            first_ids=tuple(self._first),
            expected=REGISTERED if self._table == "attributes" and self._different else "",
            digest=self._digests[0].hexdigest(),
            new_digest=self._digests[1].hexdigest(),
        )
