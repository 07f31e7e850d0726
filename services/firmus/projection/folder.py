"""Where SQLite's read models lie: `readmodel-<n>.db`, and a file `current` naming the one in use.

A new one is built beside the old, then named in one atomic step; the one before is kept so that a
bad one can be rolled back.
"""

import os
import re
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

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def file(self, number: int) -> Path:
        return self._path / f"readmodel-{number}.db"

    def open(self, number: int) -> SqliteModel:
        return SqliteModel(self.file(number))

    def current(self) -> int | None:
        try:
            name = (self._path / _POINTER).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{self._path / _POINTER} names {name!r}, which is no read model")
        return int(found[1])

    def unused(self) -> int:
        return max(self._numbers(), default=0) + 1

    def promote(self, number: int) -> None:
        before = self.current()
        self._point_to(number)
        for other in self._numbers() - {number, before}:
            self.remove(other)

    def roll_back(self) -> int:
        current = self.current()
        older = [number for number in self._numbers() if current is None or number < current]
        if not older:
            raise FileNotFoundError(f"{self._path}: no read model from before is kept")
        self._point_to(max(older))
        return max(older)

    def remove(self, number: int) -> None:
        file = self.file(number)
        for suffix in _FILES:
            file.with_name(file.name + suffix).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        current = self.current() or 0
        for number in self._numbers():
            if number > current:
                self.remove(number)

    def close(self) -> None:
        """Nothing is open but the models."""

    def _numbers(self) -> set[int]:
        found = (_NAME.fullmatch(entry.name) for entry in self._path.iterdir())
        return {int(match[1]) for match in found if match}

    def _point_to(self, number: int) -> None:
        written = self._path / f"{_POINTER}.new"
        with written.open("w", encoding="ascii") as file:
            file.write(self.file(number).name + "\n")
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._path / _POINTER)
