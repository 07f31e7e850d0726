import pytest

from firmus.clock import FixedClock
from firmus.definitions.memory import MemoryDefinitions
from tests.definitions_store.contract import DefinitionsContract


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def definitions(clock):
    return MemoryDefinitions(clock)


class TestMemoryDefinitions(DefinitionsContract):
    pass
