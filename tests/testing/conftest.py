from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from firmus.rehearsal.world import World
from firmus.testing import Bounds, Run, Workflows
from firmus.testing.scripting import ScriptThread
from firmus.workflow.evolve import fold
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit


class Watched(Workflows):
    """Remembers its runs."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.runs: list[Run] = []

    def start(self, *args: Any, **fields: Any) -> Run:
        run = super().start(*args, **fields)
        self.runs.append(run)
        return run


@pytest.fixture(scope="session")
def scripts() -> Iterator[ScriptThread]:
    thread = ScriptThread()
    yield thread
    thread.close()


@pytest.fixture
def workflows(scripts: ScriptThread) -> Iterator[Workflows]:
    """Of whatever a test plays, the stored events alone lead to the same states."""
    watched = Watched(bounds=Bounds(decisions_max=500, events_max=5_000), scripts=scripts)
    yield watched
    for run in watched.runs:
        world = run._play.world
        assert replayed(world) == world.states


def replayed(world: World) -> dict[str, WorkflowState]:
    states: dict[str, WorkflowState] = {}
    for commit in world.commits:
        stored = msgspec.json.decode(msgspec.json.encode(commit), type=Commit)
        states[commit.workflow_id] = fold(states.get(commit.workflow_id), stored)
    return states
