import pytest

from firmus.clock import FixedClock

pytest.register_assert_rewrite("tests.security.contract")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()
