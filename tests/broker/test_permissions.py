"""What users of NATS may and may not do, asked of a real nats-server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.e2e.users import USERS, access, guarded_server, password
from tests.nats_server import NatsServer

from firmus.broker.checkpoint_store import JetStreamCheckpoints
from firmus.broker.connection import BrokerUnavailable, Connection, connect
from firmus.broker.permissions import Kind
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire, Unanswered
from firmus_contracts import subjects

pytestmark = pytest.mark.nats

LOG_SUBJECT = subjects.log_subject(0, 1, "w")
EVENT = subjects.workflow_event_subject("started", "w", "id")
MAY_PUBLISH = {
    LOG_SUBJECT: {"decider"},
    EVENT: {"projection"},
    "firmus.start.w": {"system-worker", "orders", "shop"},
    "firmus.deadletter.w": {"intake"},
    "firmus.definitions.w": {"gateway"},
    "firmus.schedules.w": {"gateway"},
    "firmus.handlers.w": {"gateway"},
    "firmus.access.k": {"gateway", "admin"},
    "firmus.runs.w": {"schedules"},
    "firmus.handled.w": {"intake"},
    "firmus.rejected.w": {"decider"},
    "firmus.events.w": {"scheduler"},
    "firmus.cmd.1": {"gateway", "scheduler", "intake", "schedules", "system-worker", "orders"},
    "firmus.projection.upkeep": {"gateway", "admin"},
    "$KV.META.layout": {"decider"},
    "$KV.KEYS.w.k": {"gateway", "scheduler", "intake", "schedules", "system-worker", "orders"},
    "$KV.LEASES.decider.shard.1": {"decider"},
    "$JS.API.STREAM.CREATE.LOG_0": {"decider", "admin"},
    "$JS.API.STREAM.DELETE.LOG_0": {"admin"},
    "$JS.API.STREAM.PURGE.LOG_0": {"admin"},
    "$JS.API.STREAM.UPDATE.LOG_0": {"admin"},
    "$JS.API.CONSUMER.CREATE.LOG_0.c": {"scheduler", "projection", "admin"},
    "$JS.API.CONSUMER.CREATE.EVENTS.audit": {"admin"},
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.audit": {"audit", "admin"},
    "outside.x": {"scheduler", "system-worker"},
    "_INBOX.scheduler.x": {
        "decider",
        "projection",
        "scheduler",
        "gateway",
        "system-worker",
        "orders",
    },
    "_INBOX.decider.x": set(),
    "anything": set(),
}
MAY_SUBSCRIBE = {
    EVENT: {"orders", "audit", "admin"},
    "firmus.cmd.1": {"decider"},
    "firmus.poll.1": {"scheduler"},
    "firmus.search": {"projection"},
    "outside.x": {"intake"},
    LOG_SUBJECT: set(),
    ">": set(),
    "_INBOX.>": set(),
    **{f"_INBOX.{user}.x": {user} for user in USERS},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = guarded_server(tmp_path_factory.mktemp("users"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def connections(server: NatsServer) -> AsyncIterator[dict[str, Connection]]:
    found = {user: await connect(access(server, user), name=user) for user in USERS}
    yield found
    for each in found.values():
        await each.close()


async def allowed(
    connections: dict[str, Connection], do: Callable[[Connection], object]
) -> set[str]:
    """Who may do something: whom the server does not tell otherwise before it answers a ping."""
    found = set()
    for user, connection in connections.items():
        connection.trouble = ""
        await do(connection)  # type: ignore[misc]  # all of them are coroutines
        for _ in range(2):  # the first ping may go out before what waits to be written
            await connection.flush()
        if "violation" not in connection.trouble:
            found.add(user)
    return found


async def test_who_may_publish_where(connections: dict[str, Connection]):
    found = {
        subject: await allowed(connections, lambda one, to=subject: one.publish(to, b""))
        for subject in MAY_PUBLISH
    }

    assert found == MAY_PUBLISH


async def test_who_may_hear_what(connections: dict[str, Connection]):
    found = {
        subject: await allowed(connections, lambda one, to=subject: one.subscribe(to))
        for subject in MAY_SUBSCRIBE
    }

    assert found == MAY_SUBSCRIBE


async def prepared(connections: dict[str, Connection]) -> tuple[JetStreamWire, JetStreamWire]:
    """All streams are there; the projection and the operator."""
    await prepare(await JetStreamWire.open(connections["decider"]))
    projection = await JetStreamWire.open(connections["projection"])
    return projection, await JetStreamWire.open(connections["admin"])


async def test_answers_of_jetstream_do_not_lead_where_a_producer_may_not_write(
    connections: dict[str, Connection],
):
    shop, (_, admin) = connections["shop"], await prepared(connections)
    streams = ("LOG_0", "ACCESS", "DEFINITIONS", "KV_META")
    before = [await admin.stream_state(name) for name in streams]
    for to in (LOG_SUBJECT, "firmus.access.k", "firmus.definitions.w", "$KV.META.layout"):
        await shop.publish("firmus.start.w", b"{}", reply=to)
    stored = await shop.request("firmus.start.w", b"{}", timeout=5)
    assert json.loads(stored.data)["stream"] == "START"
    assert [await admin.stream_state(name) for name in streams] == before


async def test_a_subscriber_hears_events_and_takes_those_of_its_consumer(
    connections: dict[str, Connection],
):
    projection, admin = await prepared(connections)
    audit = connections["audit"]
    config = {"durable_name": "audit", "ack_policy": "explicit", "deliver_policy": "new"}
    await admin.api(
        "CONSUMER.DURABLE.CREATE.EVENTS.audit", {"stream_name": "EVENTS", "config": config}
    )
    heard = await audit.subscribe(subjects.EVENTS_SUBJECTS[0])
    await audit.flush()
    await projection.publish(EVENT, b"heard")
    assert (await heard.next_msg(timeout=5)).data == b"heard"

    inbox = await audit.subscribe("_INBOX.audit.next")
    await audit.publish("$JS.API.CONSUMER.MSG.NEXT.EVENTS.audit", b"1", reply=inbox.subject)
    taken = await inbox.next_msg(timeout=5)
    assert taken.data == b"heard"
    await audit.request(taken.reply, b"+ACK", timeout=5)  # answered once it counts
    told = await audit.request("$JS.API.CONSUMER.INFO.EVENTS.audit", timeout=5)
    assert json.loads(told.data)["ack_floor"]["consumer_seq"] == 1


async def test_a_scheduler_reads_the_checkpoint_that_it_wrote(connections: dict[str, Connection]):
    await prepared(connections)
    scheduler = connections["scheduler"]
    scheduler.trouble = ""
    checkpoints = JetStreamCheckpoints(scheduler)
    await checkpoints.put("some", b"x" * 300_000)
    assert await checkpoints.get("some") == b"x" * 300_000
    assert scheduler.trouble == ""


async def test_nobody_comes_in_without_a_password(server: NatsServer):
    for url in (server.url, server.url.replace("//", "//gateway:guessed@")):
        with pytest.raises(BrokerUnavailable, match="Authorization Violation"):
            await connect(url, name="stranger", within_s=1)


async def test_a_url_may_hold_the_credentials(server: NatsServer):
    user = "audit"
    url = server.url.replace(
        "//", f"//{user}:{password(user).replace(' ', '%20').replace('#', '%23')}@"
    )
    connection = await connect(url, name="in the URL")
    assert connection.new_inbox().startswith("_INBOX.audit.")
    await connection.close()


async def test_only_the_decider_makes_streams_and_the_others_wait_for_it(tmp_path: Path):
    server = guarded_server(tmp_path)
    server.start()
    try:
        gateway = await connect(access(server, "gateway"), name="gateway")
        decider = await connect(access(server, "decider"), name="decider")
        waiting = asyncio.create_task(prepare(await JetStreamWire.open(gateway), declares=False))
        made = await prepare(await JetStreamWire.open(decider), shards=3)
        assert await waiting == made
        denied = await JetStreamWire.open(gateway, answer_timeout_s=0.2)
        with pytest.raises(Unanswered):
            await denied.publish(LOG_SUBJECT, b"{}")
        await gateway.close()
        await decider.close()
    finally:
        server.stop()


def test_every_kind_is_looked_at():
    assert set(USERS.values()) == set(get_args(Kind))
