"""firmus beside the recordings of the real Conductor server, one test for each scenario."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
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
    """The scenarios of this run that failed, with what the kit says of them; all played at once,
    those that wait for a time to pass beside the others.
    """
    own = [item for item in request.session.items if item.path == Path(__file__)]
    calls = [getattr(item, "callspec", None) for item in own]
    chosen = {call.params["name"] for call in calls if call and "name" in call.params}
    waiting = {name for name in chosen if waits(name)}
    with ThreadPoolExecutor() as both:
        told = both.map(lambda names: played(shared, names), (waiting, chosen - waiting))
    return {name: text for found in told for name, text in found.items()}


def waits(name: str) -> bool:
    """Whether the recording says that the scenario is a slow one."""
    return bool(msgspec.json.decode((KIT / "golden" / f"{name}.json").read_bytes())["slow"])


def played(system: System, names: set[str]) -> dict[str, str]:
    """Those that failed."""
    if not names:
        return {}
    asked = ("--url", system.url, "--jobs", str(JOBS), "--only", ",".join(sorted(names)))
    done = subprocess.run(
        [sys.executable, str(KIT / "conform.py"), "check", *asked, "-v"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CONFORM_PATIENCE": str(PATIENCE_S)},
    )
    assert re.search(r"^\d+ passed, \d+ failed$", done.stdout, re.MULTILINE), done.stderr
    blocks = re.split(r"^(?=FAIL |ok   |soft diff|differ on)", done.stdout, flags=re.MULTILINE)
    found = {block[5:].split(":")[0]: block for block in blocks if block.startswith("FAIL ")}
    assert found.keys() <= names
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_behaves_as_recorded(name: str, failures: dict[str, str]) -> None:
    assert name not in failures, failures[name]
