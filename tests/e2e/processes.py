"""Processes of firmus for tests: started in sessions of their own, ended whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from firmus.embedded.datadir import read_note
from firmus.embedded.nats_server import ServerRecord
from firmus.embedded.processes import ProcessRecord, runs

PATIENCE_S = 60.0
STOP_S = 40.0


def environment(**settings: str) -> dict[str, str]:
    """This interpreter's modules, and no setting of firmus but the ones given."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("FIRMUS_")
    }
    return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **settings}


def until(what: str, probe: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Returns when `probe` is true; fails the test when that does not come."""
    deadline = time.monotonic() + patience_s
    while not probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.02)


class Child:
    """One process with its log file; it may be killed and started again as often as wanted."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, settings: Mapping[str, str] = {}
    ) -> None:
        self.name = name
        self.command = list(command)
        self._log = log
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**self._settings),
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to the whole group: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an operator stops it; killed when it does not end. Harmless when it does not run."""
        self._end(signal.SIGTERM)

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.said()[-2000:]}") from None


def firmus(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "firmus", *arguments]


def left_by(data: Path) -> list[ProcessRecord]:
    """The processes that a `firmus up` on this folder started, as far as they still run."""
    records = [read_note(path, ProcessRecord) for path in data.joinpath("run").glob("*.json")]
    server = read_note(data / "run" / "nats.json", ServerRecord)
    found = [record for record in (*records, server and server.process) if record is not None]
    return [record for record in found if runs(record)]
