import pytest

from firmus.clock import FixedClock
from tests.schedules.samples import T0

pytest.register_assert_rewrite("tests.schedules.contract")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(T0)
