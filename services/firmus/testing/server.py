"""A whole firmus for the time of a test: processes on free loopback ports, nothing left behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from firmus.console.rest import RestClient
from firmus.embedded.datadir import Address, read_address

STARTED_WITHIN_S = 60.0
STOPPED_WITHIN_S = 20.0
ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
_PAUSE_S = 0.02


class FirmusServer(msgspec.Struct, frozen=True):
    """Where it is found, and the few calls that most tests need; executions as REST shows them."""

    url: str
    nats_url: str

    @property
    def api(self) -> str:
        """The address that Conductor's SDKs take."""
        return f"{self.url}/api"

    def register(self, *definitions: Mapping[str, Any]) -> None:
        """Registers workflows; the same version again replaces it."""
        for definition in definitions:
            RestClient(self.url).register_workflow(dict(definition))

    def register_tasks(self, *definitions: Mapping[str, Any]) -> None:
        RestClient(self.url).register_tasks([dict(definition) for definition in definitions])

    def start(self, name: str, input: Mapping[str, Any] | None = None, **fields: Any) -> str:  # noqa: A002 - Conductor's word
        """The id of a new execution. `fields`: as in the body of a start (`correlationId`, …)."""
        return RestClient(self.url).start({"name": name, "input": dict(input or {}), **fields})

    def workflow(self, workflow_id: str) -> dict[str, Any]:
        return RestClient(self.url).workflow(workflow_id)

    def wait(self, workflow_id: str, *, within_s: float = 30.0) -> dict[str, Any]:
        """The execution once it has ended. Raises TimeoutError, saying what it waits for."""
        until_s = time.monotonic() + within_s
        while True:
            found = self.workflow(workflow_id)
            if found["status"] in ENDED:
                return found
            if time.monotonic() > until_s:
                tasks = [f"{t['referenceTaskName']} {t['status']}" for t in found["tasks"]]
                raise TimeoutError(
                    f"{found['workflowName']} is {found['status']} after {within_s:g} s: {tasks}"
                )
            time.sleep(_PAUSE_S)


@contextlib.contextmanager
def running_server(folder: Path, *flags: str) -> Iterator[FirmusServer]:
    """`firmus up` with its own nats-server. The folder is removed afterwards.

    Raises RuntimeError, with what it said, when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, said = folder / "data", folder / "up.log"
    command = [sys.executable, "-m", "firmus", "up", "--data-dir", str(data)]
    ports = ["--port", "0", "--nats-port", str(_free_port())]
    command += [*ports, "--log-level", "warning", *flags]
    with said.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
    try:
        address = _until_up(process, data, said)
        yield FirmusServer(url=address.rest, nats_url=address.nats)
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """One that nobody else would look for anything at, unlike the usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Our own modules, whatever way they were found; settings of firmus made elsewhere are out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIRMUS_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _until_up(process: subprocess.Popen[bytes], data: Path, said: Path) -> Address:
    until_s = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < until_s and process.poll() is None:
        address = read_address(data)
        if address is not None:
            return address
        time.sleep(_PAUSE_S)
    raise RuntimeError(f"firmus did not come up:\n{said.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asked first; what has not ended then is killed, its children with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN_S)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
