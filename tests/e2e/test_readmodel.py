"""Rebuild and rollback as operators ask for them: on a terminal, in a script, over REST."""

import contextlib
import json
import os
import pty
import subprocess
import urllib.request
from typing import Any

import pytest

from tests.e2e.processes import environment, firmus, until
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]


def ran(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command, asking the system that runs on the data folder."""
    command = [*firmus(*arguments), "--data-dir", str(system.data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment())


def on_a_terminal(system: System, *arguments: str) -> str:
    """What the command draws."""
    leader, follower = pty.openpty()
    command = [*firmus(*arguments), "--data-dir", str(system.data)]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment(TERM="xterm")
    ) as process:
        os.close(follower)
        drawn = b""
        with contextlib.suppress(OSError):  # the end of a terminal reads as a fault
            while piece := os.read(leader, 65_536):
                drawn += piece
        os.close(leader)
        assert process.wait() == 0, drawn
    return drawn.decode()


def rest(system: System, method: str, path: str) -> Any:
    request = urllib.request.Request(f"{system.api}/admin/readmodel{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")


def test_a_rebuild_in_a_script_prints_lines_and_what_the_comparison_came_to(shared: System) -> None:
    done = ran(shared, "rebuild", "--verify", "strict")
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stderr
    assert "100%" in done.stderr
    assert "workflows: " in done.stdout
    assert ", the same (" in done.stdout
    assert "is in use" in done.stdout


def test_on_a_terminal_a_bar_is_drawn_in_place(shared: System) -> None:
    drawn = on_a_terminal(shared, "rebuild")
    assert "\r\x1b[K" in drawn
    assert "[####" in drawn
    assert "/s" in drawn


def test_a_rollback_and_the_status_over_rest(shared: System) -> None:
    assert ran(shared, "rebuild").returncode == 0
    before = rest(shared, "GET", "")
    kept = before["kept"]["model"]
    assert rest(shared, "POST", "/rollback")["model"] == kept

    def caught_up() -> bool:
        rebuild = rest(shared, "GET", "").get("rebuild") or {}
        return (rebuild.get("kind"), rebuild.get("state")) == ("catch_up", "done")

    until("the old model", caught_up)
    after = rest(shared, "GET", "")
    assert (after["current"]["model"], after["kept"]["model"]) == (
        kept, before["current"]["model"],
    )  # fmt: skip
    done = ran(shared, "rollback")
    assert "caught up" in done.stdout, done.stderr
    shown = json.loads(ran(shared, "readmodel", "--json").stdout)
    assert shown["current"] == before["current"] | {"sizeBytes": shown["current"]["sizeBytes"]}
    rest(shared, "DELETE", "/kept")
    assert "kept" not in rest(shared, "GET", "")
    refused = ran(shared, "rollback")
    assert (refused.returncode, "kept" in refused.stderr) == (1, True)
