"""The store of event handlers, in memory and on a real broker (spec 8.7)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import FixedClock
from firmus.handlers.store import EventHandlers, jetstream_handlers, memory_handlers
from firmus_contracts.errors import Refusal
from tests.handlers.conftest import EVENT, handler, starting


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[EventHandlers]:
    clock = FixedClock()
    if request.param == "memory":
        yield memory_handlers(clock)
        return
    url: str = request.getfixturevalue("nats_url")
    connection = await connect(url, name="store test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    found = jetstream_handlers(wire=wire, servers=url, clock=clock)
    for each in await found.handlers():
        await found.delete(each.name)
    yield found
    await found.close()
    await wire.close()
    await connection.close()


async def test_handlers_are_added_replaced_listed_and_deleted(store: EventHandlers) -> None:
    first, second = handler("b", starting()), handler("a", starting(), active=False)
    await store.add(first)
    await store.add(second)
    assert await store.handlers() == [second, first]
    assert await store.of_event(EVENT) == [first]
    assert await store.of_event(EVENT, active_only=False) == [second, first]

    changed = handler("b", starting("other"))
    await store.update(changed)
    await store.delete("a")
    assert await store.handlers() == [changed]
    await store.add(second)
    assert len(await store.handlers()) == 2


async def test_what_is_there_is_not_added_and_what_is_not_there_not_changed(
    store: EventHandlers,
) -> None:
    await store.add(handler("h", starting()))
    with pytest.raises(Refusal, match="EventHandler with name h already exists!"):
        await store.add(handler("h", starting()))
    for change in (store.update(handler("x", starting())), store.delete("x")):
        with pytest.raises(Refusal, match="EventHandler with name x not found!") as refused:
            await change
        assert refused.value.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "actions", "code"),
    [
        ({"event": "kafka:t"}, [starting()], "INVALID"),
        ({"event": "nothing"}, [starting()], "INVALID"),
        ({}, [{"action": "complete_task"}], "INVALID"),
        ({}, [{}], "INVALID"),
        ({}, [{"action": "start_agent", "start_agent": {"name": "x"}}], "NOT_IMPLEMENTED"),
    ],
)
async def test_what_could_never_happen_is_refused_at_once(
    store: EventHandlers, fields: dict[str, Any], actions: list[dict[str, Any]], code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await store.add(handler("h", *actions, **fields))
    assert refused.value.code == code
    assert await store.handlers() == []
