"""A data folder that is owned for the time of a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmus.embedded.datadir import DataDir, claimed


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDir]:
    with claimed(tmp_path / "data") as owned:
        yield owned
