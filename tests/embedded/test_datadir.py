"""The data folder: one owner, counted generations, notes that are whole or not there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firmus.embedded.datadir import (
    Address,
    DataDir,
    DirectoryInUseError,
    claim,
    claimed,
    read_address,
)

HOLDER = """
import sys, pathlib
from firmus.embedded.datadir import claim
held = claim(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(DirectoryInUseError, match=f"process {os.getpid()}"):
        claim(tmp_path)


def test_the_folder_is_free_after_its_release(tmp_path: Path) -> None:
    with claimed(tmp_path) as first, pytest.raises(DirectoryInUseError):
        claim(tmp_path)
    with claimed(tmp_path) as second:
        assert (first.generation, second.generation) == (1, 2)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryInUseError, match=f"process {holder.pid}"):
            claim(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with claimed(tmp_path) as taken:
        assert taken.generation == 2


def test_notes_are_read_back_and_forgotten(directory: DataDir) -> None:
    address = Address(rest="http://a", nats="nats://b", pid=7, generation=1)
    directory.write("up.json", address)
    assert read_address(directory.path) == address
    directory.forget("up.json")
    directory.forget("up.json")
    assert read_address(directory.path) is None


def test_a_note_that_is_not_whole_counts_as_none(directory: DataDir) -> None:
    directory.path.joinpath("up.json").write_text('{"rest": "http')
    assert read_address(directory.path) is None
