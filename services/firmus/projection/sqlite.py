"""What SQLite cannot do, as the port of the read models says it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmus.projection.port import StoreFault


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """What may be otherwise another time (a disk, a lock, a limit of time) is a StoreFault."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreFault(f"{path}: {error}") from error
