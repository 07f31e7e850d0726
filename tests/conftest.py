"""What all tests share: a real broker, and one whole system that nobody may disturb."""

import os
import tempfile

import pytest

pytest_plugins = ["tests.nats_server", "tests.e2e.system", "tests.e2e.sdk_clients", "pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """The processes that tests start shall not compile all they import each time, also where
    bytecode may not lie beside the sources.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.TemporaryDirectory(prefix="firmus-bytecode-")
        config.add_cleanup(folder.cleanup)
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name
