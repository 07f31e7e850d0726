"""What the library's own cases leave open."""

import threading
from typing import ClassVar
from uuid import uuid4

import msgspec
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    MapperDeserialisationError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment, register_topic
from tests.nats_server import free_port
from tests.recorder.names import environment

from firmus.eventlog.recorder import Factory
from firmus.eventlog.recorder_mapper import struct_mapper
from firmus.eventlog.recorder_reads import direct_get
from firmus.eventlog.recorder_stream import SAVE
from firmus.eventlog.recorder_thread import NatsThread

pytestmark = pytest.mark.nats


@pytest.fixture
def environ(nats_url):
    return environment(nats_url)


@pytest.fixture
def recorder(environ):
    factory = Factory(environ)
    yield factory.application_recorder()
    factory.close()


@pytest.fixture
def other(environ, recorder):
    """A recorder of the same stream with a connection of its own."""
    factory = Factory(environ)
    yield factory.application_recorder()
    factory.close()


def stored(originator_id, version, *, topic="topic", state=b"state") -> StoredEvent:
    return StoredEvent(
        originator_id=originator_id, originator_version=version, topic=topic, state=state
    )


class Dog(Aggregate):
    @event("Named")
    def __init__(self, name):
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick):
        self.tricks.append(trick)


class Dogs(Application):
    is_snapshotting_enabled = True


def test_an_application_keeps_its_aggregates_and_snapshots_on_jetstream(environ):
    env = {**environ, "PERSISTENCE_MODULE": "firmus.eventlog.recorder"}
    with Dogs(env) as app:
        dog = Dog("Fido")
        dog.add_trick("roll")
        app.save(dog)
        app.take_snapshot(dog.id)
        dog.add_trick("sit")
        app.save(dog)
        assert [n.id for n in app.notification_log.select(1, 10)] == [1, 2, 3]
        app.close()
    with Dogs(env) as again:
        found = again.repository.get(dog.id)
        assert (found.name, found.tricks) == ("Fido", ["roll", "sit"])
        again.close()


@pytest.mark.parametrize("name", ["a.b", "*", ">", "with blank", "ü", "", "%2E"])
def test_ids_may_be_any_text(recorder, name):
    recorder.insert_events([stored(name, 1), stored(name, 2)])
    recorder.insert_events([stored(name, 3)])
    assert [e.originator_version for e in recorder.select_events(name)] == [1, 2, 3]
    assert {n.originator_id for n in recorder.select_notifications(1, 10)} == {name}


def test_one_save_may_hold_events_of_several_aggregates(recorder):
    first, second = uuid4(), uuid4()
    recorder.insert_events([stored(first, 1), stored(second, 1), stored(first, 2)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(first, 3), stored(second, 1)])
    assert [e.originator_version for e in recorder.select_events(first)] == [1, 2]
    assert [e.originator_version for e in recorder.select_events(second)] == [1]


@pytest.mark.parametrize("size", [1, 3])
def test_of_many_writers_of_one_version_one_succeeds(recorder, other, size):
    identity = uuid4()
    outcomes = []

    def write(one):
        try:
            one.insert_events([stored(identity, n + 1) for n in range(size)])
            outcomes.append("stored")
        except IntegrityError:
            outcomes.append("refused")

    threads = [threading.Thread(target=write, args=(one,)) for one in (recorder, other) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 9 + ["stored"]
    assert len(recorder.select_events(identity)) == size


def test_a_save_that_does_not_fit_stores_nothing(recorder):
    identity = uuid4()
    with pytest.raises(DataError):
        recorder.insert_events([stored(identity, 1), stored(identity, 2, state=b"x" * 9_000_000)])
    with pytest.raises(DataError):
        recorder.insert_events([stored(identity, n) for n in range(1001)])
    assert recorder.select_events(identity) == []
    recorder.insert_events([stored(identity, 1), stored(identity, 2)])


def test_events_are_selected_by_version_from_either_end(recorder):
    identity = uuid4()
    recorder.insert_events([stored(identity, n) for n in range(1, 8)])

    def versions(**choice):
        return [e.originator_version for e in recorder.select_events(identity, **choice)]

    assert versions(gt=2, lte=5) == [3, 4, 5]
    assert versions(desc=True, limit=2) == [7, 6]
    assert versions(desc=True, gt=6) == [7]
    assert versions(limit=0) == []


def test_topics_keep_their_characters(recorder):
    topic = "módulo:Ključ.<locals> 1%"
    recorder.insert_events([stored("x", 1, topic=topic)])
    assert recorder.select_events("x")[0].topic == topic
    assert [n.topic for n in recorder.select_notifications(1, 1, topics=[topic])] == [topic]
    with pytest.raises(ProgrammingError):
        recorder.insert_events([stored("x", 2, topic="two\nlines")])


def test_a_subscription_sees_what_another_process_stores(recorder, other):
    with recorder.subscribe() as subscription:
        other.insert_events([stored("x", 1), stored("x", 2)])
        assert [next(subscription).originator_version for _ in range(2)] == [1, 2]
        writer = threading.Thread(target=other.insert_events, args=([stored("x", 3)],))
        writer.start()
        assert next(subscription).originator_version == 3
        writer.join()


def test_a_waiting_subscription_ends_when_it_is_stopped(recorder):
    subscription = recorder.subscribe()
    with subscription:
        seen: list[object] = []
        reader = threading.Thread(target=lambda: seen.extend(subscription))
        reader.start()
        subscription.stop()
        reader.join()
    assert seen == []


def test_a_save_whose_answer_was_lost_is_found_by_its_mark(recorder):
    stream, thread = recorder._stream, recorder._thread
    ids = recorder.insert_events([stored("x", 1), stored("x", 2)])
    page = thread.run(direct_get(stream.nc, stream.stream, {"batch": 9, "seq": 1}))
    marks = {message.headers[SAVE] for message in page.messages}
    recorder.insert_events([stored("x", 3)])
    lost = TimeoutError("no answer")
    assert len(marks) == 1
    assert thread.run(stream._find("x", marks.pop(), lost)) == ids[-1]
    with pytest.raises(OperationalError, match="not known"):
        thread.run(stream._find("x", "another save", lost))


def test_tracking_is_refused_not_forgotten(environ, recorder):
    with pytest.raises(ProgrammingError):
        recorder.insert_events([stored("x", 1)], tracking=Tracking("upstream", 1))
    factory = Factory(environ)
    with pytest.raises(InfrastructureFactoryError):
        factory.tracking_recorder()
    with pytest.raises(InfrastructureFactoryError):
        factory.process_recorder()


def test_a_closed_recorder_says_so(environ):
    factory = Factory(environ)
    recorder = factory.application_recorder()
    factory.close()
    factory.close()
    with pytest.raises(InterfaceError):
        recorder.max_notification_id()


def test_no_server_is_an_operational_error():
    nowhere = f"nats://127.0.0.1:{free_port()}"
    with pytest.raises(OperationalError):
        NatsThread(nowhere, connect_timeout_s=0.05)
    with pytest.raises(OperationalError):
        Factory(
            Environment(env={"JETSTREAM_SERVERS": nowhere, "JETSTREAM_CONNECT_S": "0.05"})
        ).application_recorder()


class Moved(msgspec.Struct, frozen=True):
    TOPIC: ClassVar[str] = "tests.recorder:Moved"
    originator_id: str
    originator_version: int
    by: int


register_topic(Moved.TOPIC, Moved)


def test_a_struct_event_is_mapped_to_its_topic_and_back():
    mapper = struct_mapper()
    moved = Moved("x", 4, 12)
    event_stored = mapper.to_stored_event(moved)
    assert (event_stored.topic, event_stored.originator_version) == ("tests.recorder:Moved", 4)
    assert mapper.to_domain_event(event_stored) == moved


def test_a_state_that_cannot_be_read_names_its_aggregate():
    damaged = stored("x", 4, topic=Moved.TOPIC, state=b'{"by": "far"}')
    with pytest.raises(MapperDeserialisationError, match="x version 4"):
        struct_mapper().to_domain_event(damaged)
