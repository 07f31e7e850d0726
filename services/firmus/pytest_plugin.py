"""The fixtures that pytest finds when firmus is installed (entry point `firmus`).

Every pytest run loads this module, so it imports nothing of firmus until a fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from firmus.testing.scripting import ScriptThread
    from firmus.testing.server import FirmusServer
    from firmus.testing.workflows import Workflows


@pytest.fixture(scope="session")
def _firmus_scripts() -> "Iterator[ScriptThread]":
    from firmus.testing.scripting import ScriptThread  # noqa: PLC0415 - only for those who use it

    scripts = ScriptThread()
    yield scripts
    scripts.close()


@pytest.fixture
def firmus_workflows(
    request: pytest.FixtureRequest, _firmus_scripts: "ScriptThread"
) -> "Workflows":
    """Plays workflows in memory, on virtual time. Paths start at the folder of the test's file."""
    from firmus.testing.workflows import Workflows  # noqa: PLC0415 - only for those who use it

    return Workflows(folder=request.path.parent, scripts=_firmus_scripts)


@pytest.fixture(scope="session")
def firmus_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[FirmusServer]":
    """A whole firmus on free ports of this machine, for tests with real workers."""
    from firmus.testing.server import running_server  # noqa: PLC0415 - only for those who use it

    with running_server(tmp_path_factory.mktemp("firmus")) as server:
        yield server
