import asyncio

import msgspec
import pytest
from tests.broker_keys.conftest import until

from firmus.broker import polldata
from firmus.broker.polldata import Polled, PollTable, keep, listen, restore, tell
from firmus.broker.streams import prepare
from firmus_contracts.subjects import POLLED


def polled(task_type="pack", domain=None, at=1, worker="w1") -> Polled:
    return Polled(task_type=task_type, domain=domain, worker_id=worker, last_poll_time=at)


@pytest.fixture
def table():
    return PollTable()


def test_domains_of_one_task_type_are_kept_apart(table):
    table.record(polled(at=5))
    table.record(polled(domain="blue", at=7))
    assert table.last_poll_ms("pack", None) == table.last_poll_ms("pack", "") == 5
    assert table.last_poll_ms("pack", "blue") == 7
    assert table.last_poll_ms("pack", "red") == 0
    assert table.last_poll_ms("ship", None) == 0


def test_the_newest_poll_counts_in_whatever_order_they_come(table):
    table.record(polled(at=9, worker="new"))
    table.record(polled(at=3, worker="old"))
    assert [(e.worker_id, e.last_poll_time) for e in table.all()] == [("new", 9)]


def test_a_poll_without_a_domain_may_say_so_by_an_empty_one(table):
    table.record(polled(domain=""))
    assert table.last_poll_ms("pack", None) == 1
    assert msgspec.to_builtins(table.all()[0]) == {
        "queueName": "pack",
        "workerId": "w1",
        "lastPollTime": 1,
    }


def test_poll_data_is_listed_by_type_and_domain(table):
    for task_type, domain in [("ship", None), ("pack", "b"), ("pack", "a"), ("pack", None)]:
        table.record(polled(task_type, domain))
    assert [e.domain for e in table.of("pack")] == [None, "a", "b"]
    assert [e.queue_name for e in table.all()] == ["pack", "pack", "pack", "ship"]


def test_a_full_table_forgets_the_longest_silent(table, monkeypatch):
    monkeypatch.setattr(polldata, "ENTRIES_MAX", 3)
    for name in "abc":
        table.record(polled(name, at=1))
    table.record(polled("a", at=2))
    table.record(polled("d", at=3))
    assert [e.queue_name for e in table.all()] == ["a", "c", "d"]


@pytest.mark.nats
async def test_polls_told_by_one_connection_are_heard_by_all_tables(wire):
    tables = [PollTable(), PollTable()]
    stops = [await listen(wire.connection, table) for table in tables]
    await wire.connection.flush()
    assert tell(wire.connection, polled(domain="blue", at=42))
    await until(lambda: all(t.last_poll_ms("pack", "blue") == 42 for t in tables))
    for stop in stops:
        await stop()


@pytest.mark.nats
async def test_a_message_that_cannot_be_read_ends_nothing(wire, table):
    stop = await listen(wire.connection, table)
    await wire.connection.publish(POLLED, b"{not json")
    await wire.connection.publish(POLLED, b'{"taskType":"pack","lastPollTime":8,"new":1}')
    await until(lambda: table.last_poll_ms("pack", None) == 8)
    await stop()


@pytest.mark.nats
async def test_what_is_kept_is_restored_after_a_restart_and_newer_polls_win(wire, table):
    await prepare(wire)
    table.record(polled(at=5))
    keeping = asyncio.create_task(keep(wire, table, every_s=0.01))
    for number in range(3):
        table.record(polled("ship", f"d{number}", at=10 + number))
    fresh = PollTable()
    fresh.record(polled("ship", "d0", at=99, worker="newer"))

    async def restored() -> bool:
        await restore(wire, fresh)
        return fresh.last_poll_ms("ship", "d2") == 12

    while not await restored():
        await asyncio.sleep(0.005)
    keeping.cancel()
    assert (fresh.last_poll_ms("pack", None), fresh.last_poll_ms("ship", "d0")) == (5, 99)


@pytest.mark.nats
async def test_without_a_place_to_keep_it_poll_data_is_as_before(wire, table, monkeypatch):
    monkeypatch.setattr(polldata, "_KEPT", "$KV.NO_SUCH.polls")
    monkeypatch.setattr(polldata, "META_BUCKET", "NO_SUCH")
    keeping = asyncio.create_task(keep(wire, table, every_s=0.001))
    table.record(polled(at=5))
    await restore(wire, table)
    assert not keeping.done()
    keeping.cancel()
    assert table.last_poll_ms("pack", None) == 5


def test_only_the_newest_polls_are_kept(table):
    for number in range(5):
        table.record(polled(f"t{number}", at=number))
    table.record(polled("t0", at=9))
    assert [entry.task_type for entry in table.newest(2)] == ["t4", "t0"]
    assert table.changes == 6
