"""Removal beside other commands, by the decider as a service: what comes first wins (spec 5.9)."""

import asyncio

import pytest

from firmus.decider.service import Decider
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.decider.test_service import World, definition, simple, workflow_id

W = workflow_id(1)
TASK = ids.task_id(W, 1)


@pytest.fixture
async def world():
    world = World()
    await world.definitions.put_workflow(definition(simple("a"), simple("b")), overwrite=False)
    await world.start(1)
    yield world
    world.scripts.close()


def remove(number: int) -> cmd.RemoveWorkflow:
    return cmd.RemoveWorkflow(command_id=f"remove-{number}", workflow_id=W, archive=False)


def update(number: int) -> cmd.UpdateTask:
    return cmd.UpdateTask(command_id=f"update-{number}", workflow_id=W, task_id=TASK)


def codes(answers: list[cmd.Answer]) -> list[str]:
    return ["ok" if isinstance(it, cmd.Accepted) else it.code for it in answers]


async def tags(world: World) -> list[str]:
    records = await world.log.read(W)
    return [str(it.__struct_config__.tag) for record in records for it in record.commit.events]


async def at_once(decider: Decider, *commands: cmd.Command) -> list[str]:
    return codes(list(await asyncio.gather(*(decider.submit(command) for command in commands))))


async def test_commands_behind_a_removal_in_the_same_batch_find_nothing(world: World) -> None:
    pause = cmd.PauseWorkflow(command_id="p", workflow_id=W)
    answers = await at_once(world.decider, update(1), remove(1), update(2), pause, remove(2))

    assert answers == ["ok", "ok", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]
    assert (await tags(world))[-1] == "workflow.removed"


async def test_a_task_that_is_begun_and_jumped_over_in_one_commit_is_handed_out_all_the_same(
    world: World,
) -> None:
    begin = cmd.BeginTask(command_id="b", workflow_id=W, task_id=TASK, worker_id="ann")
    jump = cmd.JumpToTask(command_id="j", workflow_id=W, ref="a")
    begun, jumped = await asyncio.gather(world.decider.submit(begin), world.decider.submit(jump))

    assert codes([begun, jumped]) == ["ok", "ok"]
    assert isinstance(begun, cmd.Accepted)
    assert TASK.encode() in bytes(begun.result)
    assert (await tags(world))[-1] == "task.scheduled"


async def test_of_two_deciders_one_removes_and_the_other_finds_nothing(world: World) -> None:
    other = world.another()
    await other.read(W)
    one, two = await asyncio.gather(
        at_once(world.decider, remove(1), update(1)), at_once(other, remove(2), update(2))
    )

    assert sorted([one, two]) == [["NOT_FOUND", "NOT_FOUND"], ["ok", "NOT_FOUND"]]
    assert (await tags(world)).count("workflow.removed") == 1


async def test_a_repetition_that_reaches_another_decider_is_answered_as_before(
    world: World,
) -> None:
    assert await at_once(world.decider, remove(1)) == ["ok"]
    assert await at_once(world.another(), remove(1), remove(2)) == ["ok", "NOT_FOUND"]


async def test_a_second_start_of_a_removed_id_starts_nothing(world: World) -> None:
    await at_once(world.decider, remove(1))
    before = await tags(world)
    await world.start(1, command_id="another")

    assert await tags(world) == before
