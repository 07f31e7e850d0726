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


@needs_the_sdk
def test_every_method_of_the_javascript_sdks_clients(shared: System) -> None:
    """Those of agents, people and prompts apart."""
    done = run("others.mjs", shared.url)
    told = json.loads(done.splitlines()[-1])
    assert (told["failed"], told["forgotten"]) == ({}, [])
    assert told["called"] > 100


def run(script: str, url: str, **environ: str) -> str:
    """What a script of `javascript` prints."""
    done = subprocess.run(
        ["node", script],
        cwd=FOLDER,
        env={**os.environ, "CONDUCTOR_SERVER_URL": url, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def play(url: str, **environ: str) -> None:
    """The clients and a worker of clients.mjs."""
    done = run("clients.mjs", url, **environ)
    assert json.loads(done.splitlines()[-1]) == {
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
