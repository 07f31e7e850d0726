"""Event handlers at work on a real broker (spec 6.2, 6.3)."""

import asyncio

import msgspec
import pytest

from firmus.handlers.service import waiting
from firmus.ports import Unavailable
from firmus_contracts import ids
from firmus_contracts.commands import Answer, Command, StartWorkflow
from tests.handlers.conftest import EVENT, Bench, handler, starting

pytestmark = pytest.mark.nats


async def started(bench: Bench, count: int = 1) -> list[str]:
    """The workflows that were started, once there are so many records of actions."""

    async def done() -> bool:
        return len(await bench.records()) >= count

    await bench.until(done)
    return [
        str(record.output["workflowId"])
        for record in await bench.records()
        if record.status == "COMPLETED"
    ]


async def test_a_message_starts_a_workflow_with_what_it_says(bench: Bench) -> None:
    await bench.store.add(handler("h", starting(input={"n": "${n}"}, correlationId="${n}")))
    async with bench.running():
        await bench.send(b'{"n": 7}')
        (workflow_id,) = await started(bench)

    state = await bench.world.decider.read(workflow_id)
    assert state is not None
    assert (state.input["n"], state.correlation_id, state.event) == (7, "7", EVENT)


async def test_messages_from_before_the_handler_are_kept_for_it(bench: Bench) -> None:
    await bench.send(b'{"n": 1}', message_id="a")
    async with bench.running() as service:
        await bench.store.add(handler("h", starting()))
        service.wake()
        assert len(await started(bench)) == 1


async def test_messages_that_wait_are_counted_once_somebody_takes_them(bench: Bench) -> None:
    assert [await waiting(bench.connection, event) for event in (EVENT, "nats:x", "jsm:y.z")] == [
        0,
        0,
        0,
    ]
    await bench.store.add(handler("h", starting()))
    async with bench.running():
        await bench.send(b"{}")
        await started(bench)
    await bench.send(b"{}", message_id="later")

    assert await waiting(bench.connection, EVENT) >= 1


async def test_a_condition_that_does_not_hold_is_recorded_as_skipped(bench: Bench) -> None:
    await bench.store.add(handler("no", starting(), condition="$.n > 9"))
    await bench.store.add(handler("yes", starting(), condition="$.n > 5 && $.deep.a == 1"))
    await bench.store.add(handler("bad", starting(), condition="nonsense("))
    await bench.store.add(handler("rests", starting(), active=False))
    async with bench.running():
        await bench.send(msgspec.json.encode({"n": 7, "deep": '{"a": 1}'}))
        assert len(await started(bench, 3)) == 1
        found = {record.name: record.status for record in await bench.records()}
        assert found == {"no": "SKIPPED", "yes": "COMPLETED", "bad": "FAILED"}


async def test_several_instances_and_repeated_messages_start_once(bench: Bench) -> None:
    await bench.store.add(handler("h", starting(), starting()))
    async with bench.running(), bench.running():
        for number in range(20):
            await bench.send(b"{}", message_id=f"m{number % 5}")
        found = await started(bench, 10)
    assert len(set(found)) == 10


class Away:
    """A decider that is away for its first requests, and once acts without answering."""

    def __init__(self, bench: Bench, times: int) -> None:
        self._decider = bench.world.door
        self.left = times
        self.read = self._decider.read
        self.history = self._decider.history

    async def submit(self, command: Command) -> Answer:
        if self.left > 0:
            self.left -= 1
            if isinstance(command, StartWorkflow) and not self.left:
                await self._decider.submit(command)
            raise Unavailable("away")
        return await self._decider.submit(command)


async def test_what_is_away_for_the_moment_delays_the_message_and_loses_nothing(
    bench: Bench,
) -> None:
    await bench.store.add(handler("h", starting()))
    async with bench.running(Away(bench, 2)):
        await bench.send(b"{}")
        (workflow_id,) = await started(bench)
    state = await bench.world.decider.read(workflow_id)
    assert state is not None
    assert state.version == 2


@pytest.mark.parametrize("poison", [b"[" * 100_000, b'"\xff"'])
async def test_a_message_that_cannot_be_read_keeps_no_other_from_being_handled(
    bench: Bench, poison: bytes
) -> None:
    await bench.store.add(handler("h", starting(input={"n": "${n}"})))
    async with bench.running():
        await bench.send(poison, message_id="bad")
        await bench.send(b'{"n": 7}', message_id="good")
        found = await started(bench, 2)
    states = [await bench.world.decider.read(one) for one in found]
    assert sorted(str(state.input["n"]) for state in states if state) == ["7", "None"]


class Broken(Away):
    """A decider with a fault of its own."""

    async def submit(self, command: Command) -> Answer:
        raise KeyError("lost")


async def test_a_fault_of_our_own_is_recorded_and_stops_nothing(bench: Bench) -> None:
    await bench.store.add(handler("h", starting()))
    async with bench.running(Broken(bench, 0)):
        for number in range(3):
            await bench.send(b"{}", message_id=f"m{number}")
        await started(bench, 3)
    assert {record.status for record in await bench.records()} == {"FAILED"}


async def test_tasks_end_and_variables_change_by_messages(bench: Bench) -> None:
    await bench.store.add(handler("start", starting(), condition="$.do == 'start'"))
    ending = {"workflowId": "${id}", "taskRefName": "wait", "output": {"n": "${n}"}}
    change = {"workflowId": "${id}", "variables": {"seen": ["${n}"]}, "appendArray": True}
    await bench.store.add(
        handler(
            "end",
            {"action": "update_workflow_variables", "update_workflow_variables": change},
            {"action": "complete_task", "complete_task": ending},
            condition="$.do == 'end'",
        )
    )
    async with bench.running():
        await bench.send(b'{"do": "start"}', message_id="a")
        (workflow_id,) = await started(bench, 2)
        payload = msgspec.json.encode({"do": "end", "id": workflow_id, "n": 5})
        await bench.send(payload, message_id="b")

        async def over() -> bool:
            state = await bench.world.decider.read(workflow_id)
            return state is not None and state.status.terminal

        await bench.until(over)
    state = await bench.world.decider.read(workflow_id)
    assert state is not None
    assert state.variables == {"seen": [5]}
    assert state.output["n"] == 5


@pytest.mark.parametrize(
    "target", [{"workflowId": "nothing", "taskRefName": "x"}, {"taskId": "no id"}]
)
async def test_a_task_that_is_not_there_is_told_of_and_is_no_failure(
    bench: Bench, target: dict[str, str]
) -> None:
    await bench.store.add(handler("h", {"action": "fail_task", "fail_task": target}))
    async with bench.running():
        await bench.send(b"{}")

        async def recorded() -> bool:
            return bool(await bench.records())

        await bench.until(recorded)
    (record,) = await bench.records()
    assert record.status == "COMPLETED"
    assert "No " in record.output["error"]


async def test_live_messages_of_nats_are_taken_by_one_of_the_instances(bench: Bench) -> None:
    await bench.store.add(handler("h", starting(), event="nats:orders.new"))
    async with bench.running(), bench.running():
        done = asyncio.create_task(started(bench))
        number = 0
        while not done.done():  # what is sent before somebody listens is lost
            number += 1
            await bench.connection.publish(
                "orders.new", b"{}", headers={"Nats-Msg-Id": f"m{number}"}
            )
            await asyncio.sleep(0.05)
        found = await done
    assert all(ids.is_workflow_id(one) for one in found)
    assert len(set(found)) == len(found)
