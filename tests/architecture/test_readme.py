"""What README and examples show is what happens when somebody does it."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from firmus.cli import build_parser
from firmus.console.rest import RestClient
from tests.architecture.snippets import Page, blocks_of
from tests.architecture.sources import ROOT
from tests.e2e.processes import environment
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

TESTED = ("README.md", "docs/schedules.md", "docs/event-handlers.md", "docs/testing.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
MARKED = re.compile(r"^<!-- tested:", re.MULTILINE)
FIRST, SECOND = re.findall(
    r"^```bash\n(python3 -m venv .*|\.venv/bin/pip .*)\n```$", README, re.MULTILINE
)


@pytest.mark.parametrize("document", TESTED)
def test_the_snippets_run_as_they_stand(shared: System, tmp_path: Path, document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = blocks_of(text)
    assert blocks
    assert len(blocks) == len(MARKED.findall(text))
    page = Page(tmp_path, shared)
    try:
        for block in blocks:
            page.play(block)
    finally:
        page.end()


def test_the_first_command_shows_the_demo() -> None:
    install, _, run = FIRST.rpartition(" && ")
    assert install == "python3 -m venv .venv && .venv/bin/pip install -e ."
    assert run == ".venv/bin/firmus demo"
    output = say("-m", "firmus", *run.split()[1:])
    assert "20 COMPLETED" in output
    assert "workflow.completed" in output


def test_the_second_command_is_what_ci_does() -> None:
    install, _, run = SECOND.rpartition(" && ")
    wanted = re.fullmatch(r"\.venv/bin/pip install (.*)", install)
    assert wanted is not None
    script = (ROOT / ".ci" / "run").read_text()
    assert f'pip install --quiet --python "$bin/python" {wanted[1]}\n' in script
    assert run == ".venv/bin/pytest"
    assert '"$bin/pytest"' in script


def test_every_command_stands_in_the_table() -> None:
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    assert re.findall(r"^\| `firmus ([\w-]+)", README, re.MULTILINE) == list(commands.choices)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    gone = [
        target
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert gone == []


def test_start_and_follow_hears_all_of_a_workflow_in_order(shared: System) -> None:
    told = example("start_and_follow.py", "--rest", shared.url, "--nats", shared.nats_url)
    assert told.splitlines() == [
        "workflow.started",
        "task.in_progress greet",
        "task.completed greet",
        "workflow.completed",
        '{"greeting": "hello world"}',
    ]


def test_the_worker_example_completes_after_a_retry_and_can_be_audited(shared: System) -> None:
    told = example("worker.py", "--rest", shared.url, "--nats", shared.nats_url)
    assert "COMPLETED after 2 attempts: {'thumbnail': 'cat.png.120.jpg'}" in told
    workflow_id = RestClient(shared.url).start({"name": "thumbnails", "input": {"path": "x"}})
    whole = example("audit_replay.py", workflow_id, "--nats", shared.nats_url)
    early = example("audit_replay.py", workflow_id, "--nats", shared.nats_url, "--version", "1")
    assert "hash chain: whole" in whole
    assert re.search(r"after event 2: RUNNING\n +resize +SCHEDULED", whole)
    assert early.endswith("after event 1: RUNNING\n")


def test_the_official_sdk_works_unchanged(shared: System) -> None:
    told = example("sdk_worker.py", "--rest", shared.url)
    assert "COMPLETED {'greeting': 'hello world'}" in told


def example(name: str, *arguments: str) -> str:
    return say(str(ROOT / "examples" / name), *arguments)


def say(*arguments: str) -> str:
    """What a Python program writes; it must end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.environ.get("HOME", "/")},
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
