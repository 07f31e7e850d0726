import msgspec
import pytest
from tests.broker_keys.conftest import until

from firmus.broker import polldata
from firmus.broker.polldata import Polled, PollTable, listen, tell
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
