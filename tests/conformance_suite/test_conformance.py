"""firmus beside the recordings of the real Conductor server, one test for each scenario."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(300)]

KIT = Path(__file__).parents[1] / "conformance"
SCENARIOS = sorted(path.stem for path in KIT.glob("golden/*.json"))
JOBS = 16
PATIENCE_S = 60
"""How long a scenario waits for one thing to happen."""


@pytest.fixture(scope="session")
def failures(shared: System, request: pytest.FixtureRequest) -> dict[str, str]:
    """The scenarios of this run that failed, with what the kit says of them; all played at once."""
    own = [item for item in request.session.items if item.path == Path(__file__)]
    calls = [getattr(item, "callspec", None) for item in own]
    chosen = {call.params["name"] for call in calls if call and "name" in call.params}
    asked = ("--url", shared.url, "--jobs", str(JOBS), "--only", ",".join(sorted(chosen)))
    played = subprocess.run(
        [sys.executable, str(KIT / "conform.py"), "check", *asked, "-v"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CONFORM_PATIENCE": str(PATIENCE_S)},
    )
    assert re.search(r"^\d+ passed, \d+ failed$", played.stdout, re.MULTILINE), played.stderr
    blocks = re.split(r"^(?=FAIL |ok   |soft diff|differ on)", played.stdout, flags=re.MULTILINE)
    found = {block[5:].split(":")[0]: block for block in blocks if block.startswith("FAIL ")}
    assert found.keys() <= chosen
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_behaves_as_recorded(name: str, failures: dict[str, str]) -> None:
    assert name not in failures, failures[name]
