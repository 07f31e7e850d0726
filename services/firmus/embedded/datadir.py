"""The data folder of `firmus up`: one owner at a time, a generation, and notes that outlive us.

lock         held by the running `firmus up`; holds its pid
generation   how many times the folder was opened
run/         process records, the ports file
up.json      where the running system is found
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

T = TypeVar("T")


class DirectoryInUseError(Exception):
    """Another running process owns the folder."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running `firmus up` is found (up.json). URLs without a path; `grpc`: host and
    port.
    """

    rest: str
    nats: str
    pid: int
    generation: int
    grpc: str | None = None


class DataDir:
    """A folder that this process owns until `release`."""

    def __init__(self, path: Path, lock: BinaryIO, generation: int) -> None:
        self.path = path
        self.generation = generation
        self._lock = lock

    @property
    def run(self) -> Path:
        return self.path / "run"

    def write(self, name: str, value: object) -> None:
        """Replaces a note as a whole: readers see the old one or the new one."""
        draft = self.path / f"{name}.new"
        draft.write_bytes(msgspec.json.encode(value))
        draft.replace(self.path / name)

    def read(self, name: str, shape: type[T]) -> T | None:
        """A note; None when there is none or it cannot be read."""
        return read_note(self.path / name, shape)

    def forget(self, name: str) -> None:
        self.path.joinpath(name).unlink(missing_ok=True)

    def release(self) -> None:
        self._lock.truncate(0)
        self._lock.close()


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[DataDir]:
    """Owns `path` for the time of a with block. Raises DirectoryInUseError."""
    directory = claim(path)
    try:
        yield directory
    finally:
        directory.release()


def claim(path: Path) -> DataDir:
    """Takes a folder, making it when needed. Raises DirectoryInUseError naming the owner's pid.

    The lock is the operating system's, so that of a dead process is free at once.
    """
    path = path.resolve()
    path.joinpath("run").mkdir(parents=True, exist_ok=True)
    lock = lock_folder(path)
    counter = path / "generation"
    text = counter.read_text() if counter.exists() else ""
    generation = int(text) + 1 if text.strip().isdecimal() else 1
    directory = DataDir(path, lock, generation)
    directory.write("generation", generation)
    return directory


def read_address(path: Path) -> Address | None:
    """Where the system of a folder runs; None when none is known to run there."""
    return read_note(path / "up.json", Address)


def read_note(path: Path, shape: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except (OSError, msgspec.MsgspecError):
        return None


def lock_folder(path: Path) -> BinaryIO:
    """Takes a folder's lock until what is returned is closed. Raises DirectoryInUseError."""
    handle = path.joinpath("lock").open("a+b")
    handle.seek(0)
    owner = handle.read().decode(errors="replace").strip()
    if not _taken(handle):
        handle.close()
        who = f"process {owner}" if owner else "another process"
        raise DirectoryInUseError(
            f"{path} is in use by {who}: stop it, or choose another --data-dir"
        )
    handle.truncate(0)
    handle.write(str(os.getpid()).encode())
    handle.flush()
    return handle


def _taken(handle: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            handle.seek(_FAR_BYTES)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            handle.seek(0)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_FAR_BYTES = 1 << 20
"""Windows locks a range; one behind the pid leaves that readable."""
