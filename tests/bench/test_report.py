"""What is counted and how it is told. Pure but for a look at this process's own CPU."""

import os
import time

import msgspec
import pytest

from firmus.bench.cpu import cpu_of
from firmus.bench.report import WORKER_US, Measured, line, percentile, scaled


def test_a_machine_at_half_speed_is_made_up_for():
    slow = {"services": 1000.0, "worker": 2 * WORKER_US["rest"], "driver": 10.0}
    found = scaled("rest", 200.0, slow)
    assert found is not None
    assert found.slowness == 2.0
    assert found.per_s == 400.0
    assert found.cpu_us == {"services": 500, "worker": WORKER_US["rest"], "driver": 5}


def test_without_the_workers_cpu_nothing_is_scaled():
    assert scaled("native", 100.0, {"driver": 5.0}) is None


def test_percentiles_are_in_milliseconds():
    values = [number / 1000 for number in range(100, 0, -1)]
    assert percentile(values, 50) == 50.5
    assert percentile(values, 99) == 100.0
    assert percentile([0.002], 99) == 2.0
    assert percentile([], 50) is None


def test_workflows_that_did_not_complete_are_told_loudly():
    assert "3 NOT COMPLETED" in line(Measured(what="w1", over="rest", n=10, failed=3))
    assert "NOT" not in line(Measured(what="w1", over="rest", n=10))


def test_the_systems_cpu_leaves_out_worker_and_driver():
    row = Measured(
        what="w1", over="rest", n=1, cpu_us={"services": 3, "nats": 2, "worker": 9, "driver": 9}
    )
    assert "(system 5)" in line(row)


def test_a_row_survives_as_json():
    row = Measured(
        what="w1",
        over="rest",
        n=1,
        cpu_us={"nats": 2.0},
        scaled=scaled("rest", 1.0, {"worker": 125.0}),
    )
    assert msgspec.json.decode(msgspec.json.encode(row), type=Measured) == row


def test_cpu_is_this_processs_own():
    before = cpu_of({"me": os.getpid()})["me"]
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert cpu_of({"me": os.getpid()})["me"] - before >= 0.04


@pytest.mark.parametrize("pid", [2**22 + 1])
def test_a_process_that_has_ended_counts_nothing(pid):
    assert cpu_of({"gone": pid}) == {"gone": 0.0}
