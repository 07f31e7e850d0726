import pytest

from firmus.schedules.store import memory_schedules
from tests.schedules.contract import SchedulesContract


@pytest.fixture
def schedules(clock):
    return memory_schedules(clock)


class TestMemorySchedules(SchedulesContract):
    pass
