"""Where read models lie: `readmodel-<n>.db`, and a file `current` that names the one in use.

A new one is built beside the old, then named in one atomic step; the one before is kept so that a
bad one can be rolled back.
"""

import os
import re
from pathlib import Path

_POINTER = "current"
_NAME = re.compile(r"readmodel-(\d+)\.db")
_FILES = ("", "-wal", "-shm", "-words", "-words-wal", "-words-shm")
"""What belongs to a read model: its rows and its full-text index, with SQLite's own files."""


class ReadModelFolder:
    """The folder and its pointer. One process uses it at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def file(self, number: int) -> Path:
        return self._path / f"readmodel-{number}.db"

    def current(self) -> int | None:
        """The read model in use; None before the first one."""
        try:
            name = (self._path / _POINTER).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{self._path / _POINTER} names {name!r}, which is no read model")
        return int(found[1])

    def unused(self) -> int:
        """A number that no file has."""
        return max(self._numbers(), default=0) + 1

    def promote(self, number: int) -> None:
        """Makes a read model the one in use, and removes all but it and the one before."""
        before = self.current()
        self._point_to(number)
        for other in self._numbers() - {number, before}:
            self.remove(other)

    def roll_back(self) -> int:
        """Puts the read model kept from before in use again; it catches up from its own cursor.

        Only while no projection runs on this folder. Raises FileNotFoundError when none was kept.
        """
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
        """Removes what a rebuild left behind that was cut off: all above the one in use."""
        current = self.current() or 0
        for number in self._numbers():
            if number > current:
                self.remove(number)

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
