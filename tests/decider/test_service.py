"""The decider as a service: on a memory log, with real definitions and scripts."""

import asyncio

import msgspec
import pytest

from firmus.broker.rejections import MemoryRejections
from firmus.clock import FixedClock
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.chain import verify
from firmus.eventlog.memory import MemoryLog
from firmus.eventlog.port import AppendConflict, LogUnavailable
from firmus.ports import Unavailable
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.envelope import Commit
from tests.flow import START_MS, definition, simple


def workflow_id(n: int) -> str:
    return ids.mint_workflow_id(START_MS, n)


class World:
    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog()
        self.clock = FixedClock(START_MS)
        self.definitions = MemoryDefinitions(self.clock)
        self.rejections = MemoryRejections()
        self.scripts = QuickJsScripts(threads=2)
        self.decider = self.another()

    def another(self) -> Decider:
        return Decider(
            log=self.log,
            definitions=self.definitions,
            scripts=self.scripts,
            clock=self.clock,
            rejections=self.rejections,
        )

    async def start(self, n: int, *, command_id: str = "s") -> cmd.Answer:
        command = cmd.StartWorkflow(command_id=command_id, workflow_id=workflow_id(n), name="flow")
        return await self.decider.submit(command)

    def begin(self, n: int, ordinal: int, command_id: str) -> cmd.BeginTask:
        task_id = ids.task_id(workflow_id(n), ordinal)
        return cmd.BeginTask(command_id=command_id, workflow_id=workflow_id(n), task_id=task_id)


@pytest.fixture
async def world():
    world = World()
    await world.definitions.put_workflow(definition(simple("a"), simple("b")), overwrite=False)
    yield world
    world.scripts.close()


async def test_a_start_is_answered_after_its_commit_and_read_back(world: World) -> None:
    answer = await world.start(1)

    assert isinstance(answer, cmd.Accepted)
    state = await world.decider.read(workflow_id(1))
    assert state is not None
    assert (state.status, state.version) == ("RUNNING", 2)
    assert len(await world.log.read(workflow_id(1))) == 1


async def test_a_begun_task_comes_whole_with_the_answer(world: World) -> None:
    await world.start(1)
    answer = await world.decider.submit(world.begin(1, 1, "b"))

    assert isinstance(answer, cmd.Accepted)
    task = msgspec.json.decode(answer.result)
    assert (task["referenceTaskName"], task["status"], task["pollCount"]) == ("a", "IN_PROGRESS", 1)


async def test_a_command_sent_twice_at_once_is_answered_alike(world: World) -> None:
    await world.start(1)
    one, two = await asyncio.gather(
        world.decider.submit(world.begin(1, 1, "same")),
        world.decider.submit(world.begin(1, 1, "same")),
    )

    assert one == two
    assert isinstance(one, cmd.Accepted)


async def test_of_two_workers_one_gets_the_task_and_the_refusal_is_kept(world: World) -> None:
    await world.start(1)
    answers = await asyncio.gather(
        *(world.decider.submit(world.begin(1, 1, f"b{i}")) for i in range(5))
    )

    assert [isinstance(answer, cmd.Accepted) for answer in answers].count(True) == 1
    assert len(await world.rejections.of(workflow_id(1))) == 4


async def test_two_deciders_on_one_log_never_lose_or_double_a_decision(world: World) -> None:
    await world.start(1)
    other = world.another()
    update = [
        cmd.UpdateTask(
            command_id=f"u{i}", workflow_id=workflow_id(1), task_id=ids.task_id(workflow_id(1), 1)
        )
        for i in range(6)
    ]
    deciders = [world.decider, other]
    answers = await asyncio.gather(
        *(deciders[i % 2].submit(command) for i, command in enumerate(update))
    )

    outcomes = [msgspec.json.decode(a.result, type=cmd.UpdateOutcome) for a in answers]
    assert [outcome.ignored for outcome in outcomes].count(False) == 1
    records = await world.log.read(workflow_id(1))
    assert verify(records) is None


async def test_commands_that_wait_share_the_next_commit(world: World) -> None:
    branches = [[simple(f"t{i}")] for i in range(20)]
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["t1"]}
    await world.definitions.put_workflow(definition(fork, join), overwrite=True)
    await world.start(1)
    await asyncio.gather(*(world.decider.submit(world.begin(1, 2 + i, f"b{i}")) for i in range(20)))

    assert len(await world.log.read(workflow_id(1))) <= 4


async def test_an_unknown_definition_and_an_unknown_workflow_are_refused(world: World) -> None:
    unknown = cmd.StartWorkflow(command_id="s", workflow_id=workflow_id(2), name="nobody")
    started = await world.decider.submit(unknown)
    paused = await world.decider.submit(
        cmd.PauseWorkflow(command_id="p", workflow_id=workflow_id(3))
    )

    assert [a.code for a in (started, paused) if isinstance(a, cmd.Rejected)] == ["NOT_FOUND"] * 2


class BrokenLog(MemoryLog):
    """A log whose next append fails as told, before or after it was stored."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: Exception | None = None

    async def append(self, commit: Commit, *, expected: int):
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        return await super().append(commit, expected=expected)


@pytest.fixture
async def broken():
    world = World(BrokenLog())
    await world.definitions.put_workflow(definition(simple("a")), overwrite=False)
    yield world
    world.scripts.close()


async def test_a_log_that_does_not_answer_makes_the_command_unavailable_and_harmless(
    broken,
) -> None:
    broken.log.trouble = LogUnavailable("no answer")
    with pytest.raises(Unavailable):
        await broken.start(1)

    assert isinstance(await broken.start(1), cmd.Accepted)
    assert len(await broken.log.read(workflow_id(1))) == 1


async def test_a_conflict_is_decided_again(broken) -> None:
    broken.log.trouble = AppendConflict("somebody else")

    assert isinstance(await broken.start(1), cmd.Accepted)
    assert broken.decider.counters.conflicts == 1


async def test_an_unreadable_history_stops_that_workflow_only(world: World) -> None:
    await world.start(1)
    await world.start(2)
    stored = b'{"commitId":"x","workflowId":"%b","firstVersion":3,"timeMs":1,"events":[{"type":"new.kind"}]}'
    world.log.store(workflow_id(1), stored % workflow_id(1).encode())
    fresh = world.another()

    stopped = await fresh.submit(world.begin(1, 1, "b"))
    running = await fresh.submit(world.begin(2, 1, "b"))
    assert isinstance(stopped, cmd.Rejected)
    assert stopped.code == "UNREADABLE_LOG"
    assert isinstance(running, cmd.Accepted)
