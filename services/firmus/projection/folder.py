"""Where SQLite's read models lie: `readmodel-<n>.db`, and a file `current` that names the one in
use and, on a second line, the one that is kept.

A new one is built beside the old, then named in one atomic step; the one before is kept so that a
bad one can be rolled back, which exchanges the two names.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

from firmus.projection.dialect import SQLITE
from firmus.projection.store import READERS, SqliteModel

_POINTER = "current"
_NAME = re.compile(r"readmodel-(\d+)\.db")
_FILES = ("", "-wal", "-shm", "-words", "-words-wal", "-words-shm")
"""What belongs to a read model: its rows and its full-text index, with SQLite's own files."""


class ReadModelFolder:
    """The folder and its pointer; implements `port.ReadModels`. One process uses it at a time."""

    dialect = SQLITE
    readers = READERS
    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def file(self, number: int) -> Path:
        return self._path / f"readmodel-{number}.db"

    def open(self, number: int) -> SqliteModel:
        return SqliteModel(self.file(number))

    def current(self) -> int | None:
        named = self._named()
        return named[0] if named else None

    def kept(self) -> int | None:
        named = self._named()
        if len(named) == 2:
            return named[1] if named[1] in self._numbers() else None
        older = [number for number in self._numbers() if named and number < named[0]]
        return max(older, default=None)

    def unused(self) -> int:
        return max(self._numbers(), default=0) + 1

    def promote(self, number: int) -> None:
        before = self.current()
        self._point_to(number, before)
        for other in self._numbers() - {number, before}:
            self.remove(other)

    def exchange(self) -> int:
        kept = self.kept()
        if kept is None:
            raise FileNotFoundError(f"{self._path}: no read model from before is kept")
        self._point_to(kept, self.current())
        return kept

    def remove(self, number: int) -> None:
        file = self.file(number)
        for suffix in _FILES:
            file.with_name(file.name + suffix).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        for number in self._numbers() - {self.current(), self.kept()}:
            self.remove(number)

    def size_bytes(self, number: int) -> int:
        sizes = 0
        for suffix in _FILES:
            with contextlib.suppress(FileNotFoundError):
                sizes += Path(f"{self.file(number)}{suffix}").stat().st_size
        return sizes

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._path).free

    def close(self) -> None:
        """Nothing is open but the models."""

    def _numbers(self) -> set[int]:
        found = (_NAME.fullmatch(entry.name) for entry in self._path.iterdir())
        return {int(match[1]) for match in found if match}

    def _named(self) -> list[int]:
        """What the pointer names: the read model in use and, if it was written with one, the kept
        one.
        """
        try:
            names = (self._path / _POINTER).read_text(encoding="ascii").split()
        except FileNotFoundError:
            return []
        found = [_NAME.fullmatch(name) for name in names]
        if not 1 <= len(found) <= 2 or not all(found):
            raise ValueError(f"{self._path / _POINTER} names {names!r}, which is no read model")
        return [int(match[1]) for match in found if match]

    def _point_to(self, number: int, kept: int | None) -> None:
        names = [self.file(each).name for each in (number, kept) if each is not None]
        written = self._path / f"{_POINTER}.new"
        with written.open("w", encoding="ascii") as file:
            file.write("\n".join(names) + "\n")
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._path / _POINTER)
