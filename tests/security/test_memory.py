import pytest

from firmus.security.store import memory_keys
from tests.security.contract import KeysContract


@pytest.fixture
def keys(clock):
    return memory_keys(clock)


class TestMemoryKeys(KeysContract):
    pass
