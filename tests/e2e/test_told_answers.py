"""Clients as they were recorded, and the answers they get: all of them are in our document."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.overhearing import overheard
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]
KIT = Path(__file__).parents[1] / "conformance"
SCENARIOS = sorted(path.stem for path in KIT.glob("golden/rest_*.json"))
JOBS = 8


def test_what_recorded_clients_are_answered_is_told(shared: System) -> None:
    with overheard(shared.url) as heard:
        asked = ("--url", heard.url, "--jobs", str(JOBS), "--only", ",".join(SCENARIOS))
        played = subprocess.run(
            [sys.executable, str(KIT / "conform.py"), "check", *asked],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            env={**os.environ, "CONFORM_PATIENCE": "60"},
        )

    assert " passed, " in played.stdout, played.stderr
    assert heard.faults == []
    assert len(heard.passed) > 100
    assert {status for _, status in heard.passed} >= {200, 204, 400, 404, 409}
