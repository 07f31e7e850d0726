import pytest
from tests.definitions_store.contract import DefinitionsContract

from firmus.clock import FixedClock
from firmus.definitions.memory import MemoryDefinitions


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def definitions(clock):
    return MemoryDefinitions(clock)


class TestMemoryDefinitions(DefinitionsContract):
    pass
