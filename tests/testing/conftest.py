from collections.abc import Iterator

import pytest

from firmus.testing import Bounds, Workflows
from firmus.testing.scripting import ScriptThread


@pytest.fixture(scope="session")
def scripts() -> Iterator[ScriptThread]:
    thread = ScriptThread()
    yield thread
    thread.close()


@pytest.fixture
def workflows(scripts: ScriptThread) -> Workflows:
    return Workflows(bounds=Bounds(decisions_max=500, events_max=5_000), scripts=scripts)
