"""The official JavaScript SDK, as it is published, against a running firmus."""

import json
import os
import subprocess

import pytest

from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]
FOLDER = os.environ.get("JAVASCRIPT_SDK")


needs_the_sdk = pytest.mark.skipif(
    FOLDER is None and "CI" not in os.environ, reason="JAVASCRIPT_SDK names no folder"
)


@needs_the_sdk
def test_the_javascript_sdk_works_unchanged(shared: System) -> None:
    play(shared.url)


def play(url: str, **environ: str) -> None:
    """The clients and a worker of clients.mjs."""
    done = subprocess.run(
        ["node", "clients.mjs"],
        cwd=FOLDER,
        env={**os.environ, "CONDUCTOR_SERVER_URL": url, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "executed": ["COMPLETED", {"result": "Hello Ann"}],
        "started": [
            "COMPLETED",
            [
                ["greet_ref", "COMPLETED"],
                ["loud_ref", "COMPLETED"],
                ["shout_ref", "COMPLETED"],
            ],
        ],
        "definition": "js_greetings",
        "schedule": ["js_daily", "0 0 3 * * *"],
    }
