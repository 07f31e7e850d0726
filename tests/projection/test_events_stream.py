"""EVENTS: every public event once, in log order, whatever stops the publisher."""

import asyncio
from contextlib import suppress

import msgspec
import pytest
from tests.projection.conftest import EventsStream, OpenLease, rows_at, running, status_is, until
from tests.projection.histories import EVENTS_OF_FINISHED, History, finished, scheduled, started

from firmus.broker.wire import JetStreamWire
from firmus.eventlog.memory import MemoryLog
from firmus.projection import publisher as publisher_module
from firmus.projection.cursors import EventsCursor
from firmus.projection.publication import commit_headers, publish
from firmus.projection.publisher import EventsPublisher, ForeignEvents, Outgoing, PublishBroken
from firmus.workflow.evolve import evolve
from firmus_contracts import events as ev
from firmus_contracts.public_events import PublicEvent

pytestmark = pytest.mark.nats


def expected_ids(*histories: History) -> list[str]:
    return [f"{it.workflow_id}/{v}" for it in histories for v in range(1, it.version + 1)]


async def test_every_transition_is_published_once_in_log_order(
    make, log, publisher, events
) -> None:
    first = await finished(log, 1)
    async with running(make(publisher=publisher)):
        second = await finished(log, 2)
        await until("all", lambda: events_number(events, 2 * EVENTS_OF_FINISHED))
    assert await events.ids() == expected_ids(first, second)
    subjects = [subject for subject, _, _ in await events.messages()][:EVENTS_OF_FINISHED]
    assert subjects == [
        f"workflow.started.flow.{first.workflow_id}",
        f"task.scheduled.flow.{first.workflow_id}.a",
        f"task.in_progress.flow.{first.workflow_id}.a",
        f"task.completed.flow.{first.workflow_id}.a",
        f"workflow.completed.flow.{first.workflow_id}",
    ]


async def events_number(events: EventsStream, number: int) -> bool:
    return await events.count() >= number


async def test_a_new_publisher_goes_on_after_the_last_message(make, log, wire, events) -> None:
    histories = []
    for number in (1, 2, 3):
        publisher = await EventsPublisher.open(wire)
        async with running(make(publisher=publisher)):
            histories.append(await finished(log, number))
            await until("all", lambda n=number: events_number(events, n * EVENTS_OF_FINISHED))
        await publisher.close()
    assert await events.ids() == expected_ids(*histories)


async def one_commit_of_three(log: MemoryLog) -> tuple[History, list[Outgoing]]:
    """A commit of three events, and the public events it becomes."""
    history = History(log)
    commit = await history.commit(started(), scheduled("a", 1), scheduled("b", 2))
    digest = (await log.read(history.workflow_id))[0].digest
    shared, state, out = commit_headers(commit, 1, digest), None, []
    for version, event in enumerate(commit.events, 1):
        state = evolve(state, event, workflow_id=commit.workflow_id, now_ms=commit.time_ms)
        out.append(Outgoing(publish(state, event, version, commit, shared), 1, version))
    return history, out


async def test_a_commit_half_published_is_finished_not_repeated(make, log, wire, events) -> None:
    history, out = await one_commit_of_three(log)
    earlier = await EventsPublisher.open(wire)
    await earlier.resume(log, EventsCursor())
    await earlier.send(out[:2])
    await earlier.drained()
    await earlier.close()
    later = await EventsPublisher.open(wire)
    assert (await later.resume(log, EventsCursor())).cursor == EventsCursor(1, 2, 2)
    async with running(make(publisher=later)):
        await until("the third", lambda: events_number(events, 3))
        await history.complete()
        await until("the fourth", lambda: events_number(events, 4))
    await later.close()
    assert await events.ids() == expected_ids(history)


async def test_two_publishers_at_once_store_each_event_once(log, wire, events) -> None:
    history, out = await one_commit_of_three(log)
    one, two = await EventsPublisher.open(wire), await EventsPublisher.open(wire)
    await one.resume(log, EventsCursor())
    await two.resume(log, EventsCursor())
    for publisher in (one, two, one):
        with suppress(PublishBroken):
            await publisher.send(out)
            await publisher.drained()
    assert await events.ids() == expected_ids(history)
    await one.close()
    await two.close()


async def send_all(publisher: EventsPublisher, out: list[Outgoing]) -> None:
    await publisher.send(out)
    await publisher.drained()


async def test_a_message_of_others_breaks_the_chain_and_is_passed_over(
    log, wire, publisher, events
) -> None:
    _, out = await one_commit_of_three(log)
    await publisher.resume(log, EventsCursor())
    await publisher.send(out[:1])
    await publisher.drained()
    await wire.publish("workflow.updated.not.ours", b"{}")
    with pytest.raises(PublishBroken):
        await send_all(publisher, out[1:])
    assert (await publisher.resume(log, EventsCursor())).cursor == EventsCursor(1, 1, 1)
    await publisher.send(out[1:])
    await publisher.drained()
    assert [body.get("status") for _, _, body in await events.messages()] == [
        "RUNNING", None, "SCHEDULED", "SCHEDULED",
    ]  # fmt: skip


async def test_events_of_a_lost_log_end_are_replaced(make, log, wire, events, tmp_path) -> None:
    """The log lost its last commits with the power, EVENTS did not; other ones took their place."""
    kept = await finished(log, 1)
    lost_log = MemoryLog()
    await finished(lost_log, 1)
    lost = History(lost_log, 2, name="gone")
    await lost.start()
    await lost.run_task("a", 1)
    publisher = await EventsPublisher.open(wire)
    async with running(make(log=lost_log, folder=tmp_path / "one", publisher=publisher)):
        await until("all", lambda: events_number(events, EVENTS_OF_FINISHED + 4))
    again = History(log, 2, name="again")
    await again.start()
    await again.run_task("b", 1)
    async with running(make(folder=tmp_path / "two", publisher=publisher)) as service:
        await status_is(service, published=again.position)
    await publisher.close()
    assert await events.ids() == expected_ids(kept, again)
    assert "gone" not in {body.get("workflowName") for _, _, body in await events.messages()}


async def test_an_aged_out_stream_is_not_filled_again(make, log, wire, publisher, events) -> None:
    """All messages are gone, their number is known; what came meanwhile is published."""
    async with running(make(publisher=publisher)) as service:
        history = await finished(log, 1)
        await until("all", lambda: events_number(events, EVENTS_OF_FINISHED))
        await rows_at(service, history.position)
    await wire.api("STREAM.PURGE.EVENTS")
    later = await finished(log, 2)
    again = await EventsPublisher.open(wire)
    async with running(make(publisher=again)):
        await until("the later", lambda: events_number(events, EVENTS_OF_FINISHED))
    await again.close()
    assert await events.ids() == expected_ids(later)


async def test_without_a_checkpoint_the_number_of_messages_tells(log, wire, publisher) -> None:
    _, out = await one_commit_of_three(log)
    await publisher.resume(log, EventsCursor())
    await publisher.send(out)
    await publisher.drained()
    await wire.api("STREAM.PURGE.EVENTS")
    resumed = await publisher.resume(log, EventsCursor())
    assert (resumed.cursor, resumed.skip) == (EventsCursor(), 3)


async def test_events_of_another_log_are_left_alone(make, log, wire, publisher, events) -> None:
    _, out = await one_commit_of_three(log)
    await publisher.resume(log, EventsCursor())
    await publisher.send(out)
    await publisher.drained()
    with pytest.raises(ForeignEvents):
        await publisher.resume(MemoryLog(), EventsCursor())
    assert await events.count() == 3


async def test_an_event_too_large_for_a_message_leaves_its_payloads_out(
    make, log, publisher, events
) -> None:
    history = History(log)
    await history.start({"big": "x" * 9_000_000})
    async with running(make(publisher=publisher)):
        await until("one", lambda: events_number(events, 1))
    (_, headers, body), *_ = await events.messages()
    assert body["input"] == {}
    assert headers["Firmus-Omitted"] == "input"


async def test_a_killed_broker_costs_no_event(log, own_server, make, tmp_path) -> None:
    from firmus.broker.connection import connect
    from firmus.broker.streams import prepare

    connection = await connect(own_server.url, name="test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    publisher = await EventsPublisher.open(wire)
    histories = []
    async with running(make(publisher=publisher)) as service:
        await service.active.wait()
        for number in range(1, 60):
            histories.append(await finished(log, number))
            if number == 20:
                own_server.kill()
            if number == 40:
                own_server.start()
            await asyncio.sleep(0)
        last = histories[-1].position
        await status_is(service, published=last)
    assert await EventsStream(wire).ids() == expected_ids(*histories)
    await publisher.close()
    await wire.close()
    await connection.close()


async def test_two_instances_publish_each_event_once(make, log, wire, events, tmp_path) -> None:
    leases = [OpenLease()]
    leases.append(OpenLease(leases[0]._gate))
    publishers = [await EventsPublisher.open(wire) for _ in leases]
    first, second = (
        make(lease=lease, publisher=publisher, folder=tmp_path / str(index))
        for index, (lease, publisher) in enumerate(zip(leases, publishers, strict=True))
    )
    async with running(first), running(second):
        histories = [await finished(log, number) for number in range(1, 10)]
        await first.active.wait()
        leases[0].take_away()
        histories += [await finished(log, number) for number in range(10, 20)]
        await until("all", lambda: events_number(events, 19 * EVENTS_OF_FINISHED))
    for publisher in publishers:
        await publisher.close()
    assert await events.ids() == expected_ids(*histories)


async def test_more_than_the_window_is_published_in_order(
    log, publisher, events, monkeypatch
) -> None:
    monkeypatch.setattr(publisher_module, "IN_FLIGHT_MAX", 64)
    monkeypatch.setattr(publisher_module, "ACK_EVERY", 16)
    await publisher.resume(log, EventsCursor())
    body = msgspec.json.encode({})
    many = [
        Outgoing(
            PublicEvent(
                f"workflow.updated.d.w{n}", {"ce-id": f"w/{n}", "Nats-Msg-Id": f"w/{n}"}, body
            ),
            n,
            1,
        )
        for n in range(1, 501)
    ]
    await publisher.send(many)
    await publisher.drained()
    assert publisher.acked == EventsCursor(500, 1, 500)
    assert await events.ids() == [f"w/{n}" for n in range(1, 501)]


async def test_bookkeeping_makes_no_message(make, log, publisher, events) -> None:
    history = await finished(log, 1)
    await history.commit(ev.TasksSettled(ordinals=(1,)), ev.DecisionSplit())
    await history.commit(ev.TaskLogged(ordinal=1, lines=(("text", 1),)))
    async with running(make(publisher=publisher)) as service:
        await rows_at(service, history.position)
    assert await events.count() == EVENTS_OF_FINISHED


async def test_a_log_on_jetstream_is_followed_over_restarts(make, wire, events) -> None:
    from firmus.eventlog.blobs import MemoryBlobs
    from firmus.eventlog.jetstream import JetStreamLog

    log = JetStreamLog(wire, MemoryBlobs(), shards=16)
    histories = []
    for number in (1, 2):
        publisher = await EventsPublisher.open(wire)
        async with running(make(log=log, publisher=publisher)) as service:
            histories.append(await finished(log, number))
            await rows_at(service, histories[-1].position)
            await publisher.drained()
        await publisher.close()
    assert await events.ids() == expected_ids(*histories)
