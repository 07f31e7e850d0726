"""Tasks put back into their queues by an operator (spec 9.4)."""

import pytest

from firmus.decider.operators.registry import OPERATORS
from firmus.ports import Unavailable
from firmus.scheduler import requeue
from firmus.scheduler.owner import OwnedScheduler
from firmus.scheduler.requeue import SYSTEM_TYPES
from firmus.transport.queue_wire import decode_requeue, encode_requeue
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.statuses import TaskStatus
from tests.scheduler.conftest import World, ids_of, until
from tests.scheduler.world import scheduled, workflow_id

W, W2 = workflow_id(1), workflow_id(2)


async def test_waiting_delayed_and_begun_tasks_of_all_domains_count_and_begun_ones_are_offered(
    world: World,
) -> None:
    late = scheduled(4, delay_ms=60_000)
    await world.start(W, scheduled(1), scheduled(2), scheduled(3, domain="eu"), late)
    await world.start(W2, scheduled(1, "other"))
    scheduler = await world.scheduler()
    begun = ids_of(await scheduler.poll("work", domain=None, worker_id="w", count=1, timeout_s=1))

    assert await scheduler.requeue("work") == 4
    await until(lambda: scheduler.counters()["tasks_in_flight"] == 0)
    again = await scheduler.poll("work", domain=None, worker_id="v", count=9, timeout_s=1)
    assert begun == [ids.task_id(W, 1)]
    assert sorted(ids_of(again)) == [ids.task_id(W, 1), ids.task_id(W, 2)]


async def test_a_requeue_survives_a_crash_of_the_scheduler(world: World) -> None:
    await world.start(W, scheduled(1))
    scheduler = await world.scheduler()
    await scheduler.poll("work", domain=None, worker_id="w", count=1, timeout_s=1)
    await scheduler.requeue("work")
    await world.kill(scheduler)

    fresh = await world.scheduler()
    again = await fresh.poll("work", domain=None, worker_id="v", count=1, timeout_s=1)
    assert ids_of(again) == [ids.task_id(W, 1)]


async def test_many_begun_tasks_are_all_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requeue, "AT_ONCE_MAX", 3)
    monkeypatch.setattr(requeue, "LOOK_MAX", 2)
    await world.start(W, *(scheduled(n, status=TaskStatus.IN_PROGRESS) for n in range(1, 11)))
    scheduler = await world.scheduler()
    assert await scheduler.requeue("work") == 10
    sent = world.decider.sent(cmd.RequeueTask)
    assert [command.actor for command in sent] == ["scheduler"] * 10


async def test_one_that_ends_meanwhile_is_not_counted(world: World) -> None:
    await world.start(
        W, scheduled(1, status=TaskStatus.IN_PROGRESS), scheduled(2, status="IN_PROGRESS")
    )
    scheduler = await world.scheduler()
    gone = cmd.Rejected(code="CONFLICT", message="task t1 is COMPLETED")
    world.decider.refusals[cmd.RequeueTask] = [gone]
    assert await scheduler.requeue("work") == 1


async def test_without_a_decider_it_is_unavailable(world: World) -> None:
    await world.start(W, scheduled(1, status=TaskStatus.IN_PROGRESS))
    scheduler = await world.scheduler()
    world.decider.down = True
    with pytest.raises(Unavailable):
        await scheduler.requeue("work")


async def test_without_a_scheduler_it_is_unavailable() -> None:
    def never(*_: object) -> None:
        raise AssertionError

    with pytest.raises(Unavailable):
        await OwnedScheduler(never, never).requeue("work")


def test_tasks_of_our_own_workers_are_left_to_them() -> None:
    """What its role gives the system worker to do, and no worker of others does."""
    planned = {name: found.plan.__globals__ for name, found in OPERATORS.items()}
    assert {name for name, known in planned.items() if "system_task" in known} == SYSTEM_TYPES


@pytest.mark.parametrize("told", [("work", ""), ("work", "ann"), ("a\x00b", ""), ("ä b", "shop/ö")])
def test_who_asks_travels_with_the_type(told: tuple[str, str]) -> None:
    assert decode_requeue(encode_requeue(*told)) == told
    assert decode_requeue(b"work") == ("work", "")
