import asyncio

import pytest

from firmus.broker.rejections import (
    MESSAGE_MAX,
    JetStreamRejections,
    MemoryRejections,
    Rejection,
)
from firmus.broker.streams import prepare
from firmus.ports import Unavailable
from firmus_contracts.ids import mint_workflow_id, task_id

ONE, TWO = mint_workflow_id(1, 1), mint_workflow_id(1, 2)


@pytest.fixture
def memory():
    return MemoryRejections()


@pytest.fixture
async def jetstream(fresh_streams, wire):
    await prepare(wire)
    return JetStreamRejections(wire)


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
def rejections(request):
    return request.getfixturevalue(request.param)


def refuse(rejections, workflow_id, *, number=1, code="CONFLICT", message="too late") -> bool:
    rejection = Rejection(
        command_id=f"c{number}",
        kind="pause_workflow",
        code=code,
        message=message,
        time_ms=number,
        actor="anna",
    )
    return rejections.record(workflow_id, rejection)


async def kept(rejections, workflow_id, count) -> list[Rejection]:
    """What is kept, once there are `count`: recording does not wait for the broker."""
    while len(found := await rejections.of(workflow_id)) < count:
        await asyncio.sleep(0.001)
    return found


async def test_a_rejection_says_who_asked_for_what_and_why_not(rejections):
    assert refuse(rejections, ONE, number=7)
    assert await kept(rejections, ONE, 1) == [
        Rejection(
            command_id="c7",
            kind="pause_workflow",
            code="CONFLICT",
            message="too late",
            time_ms=7,
            actor="anna",
        )
    ]


async def test_rejections_are_read_by_workflow_in_order(rejections):
    for number in range(300):
        refuse(rejections, ONE, number=number)
        refuse(rejections, TWO, number=number, code="NOT_FOUND")
    assert [r.time_ms for r in await kept(rejections, ONE, 300)] == list(range(300))
    assert {r.code for r in await kept(rejections, TWO, 300)} == {"NOT_FOUND"}


async def test_a_workflow_without_rejections_has_none(rejections):
    assert await rejections.of(ONE) == []


@pytest.mark.parametrize("identifier", ["", "a.b", ">", "x y\r\n", task_id(ONE, 3)])
async def test_what_cannot_be_a_workflow_has_no_rejections(rejections, identifier):
    assert not refuse(rejections, identifier)
    assert await rejections.of(identifier) == []


async def test_a_long_message_is_cut(rejections):
    refuse(rejections, ONE, message="x" * 100_000)
    (found,) = await kept(rejections, ONE, 1)
    assert found.message == "x" * MESSAGE_MAX + "…"


def test_memory_keeps_the_newest_only():
    rejections = MemoryRejections()
    for number in range(11_000):
        refuse(rejections, mint_workflow_id(number, 0))
        refuse(rejections, ONE, number=number)
    assert len(rejections._by_workflow) == 10_000
    assert len(rejections._by_workflow[ONE]) == 1000


@pytest.mark.nats
async def test_without_a_connection_rejections_are_dropped_and_counted(wire):
    rejections = JetStreamRejections(wire)
    await wire.connection.close()
    assert not refuse(rejections, ONE)
    assert rejections.dropped == 1
    with pytest.raises(Unavailable):
        await rejections.of(ONE)
