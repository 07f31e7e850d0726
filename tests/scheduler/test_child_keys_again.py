"""Workflows that share a child by an idempotency key run again, or the child does (spec 4.13, 5.6):
the real decider and a scheduler over one log.
"""

from collections.abc import AsyncIterator

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.scheduler.conftest import until
from tests.scheduler.test_child_keys import Family, parent


@pytest.fixture
async def family() -> AsyncIterator[Family]:
    family = Family()
    await family.begin()
    await family.register("p", parent("RETURN_EXISTING"))
    yield family
    await family.end()


async def shared(family: Family) -> tuple[str, str, str]:
    """A parent, one that follows its child, and the child."""
    await family.schedule()
    owner = await family.start("p")
    child = await family.child_of(owner)
    follower = await family.start("p")
    assert await family.child_of(follower) == child
    await until(lambda: family.followed(child))
    return owner, follower, child


async def retry(family: Family, workflow_id: str) -> None:
    command = cmd.RetryWorkflow(
        command_id=f"retry-{workflow_id}", workflow_id=workflow_id, resume_subworkflow_tasks=True
    )
    assert isinstance(await family.decider.submit(command), cmd.Accepted)


async def finish(family: Family, child: str) -> None:
    """Ends the one open task of the child, whichever attempt it is."""
    state = await family.state(child)
    (row,) = [row for row in state.tasks.values() if not row.status.terminal]
    task_id = ids.task_id(child, row.ordinal)
    command = cmd.UpdateTask(
        command_id="done", workflow_id=child, task_id=task_id, output={"by": "bob"}
    )
    await family.decider.submit(command)


async def test_one_that_follows_a_child_is_retried_beside_the_childs_parent(
    family: Family,
) -> None:
    owner, follower, child = await shared(family)
    await family.stop(child)
    for one in (owner, follower):
        await family.reached(one, "TERMINATED")
    await retry(family, owner)
    await family.reached(child, "RUNNING")
    await retry(family, follower)
    await until(lambda: _stands_for(family, follower, child))
    await finish(family, child)
    for one in (owner, follower):
        state = await family.reached(one, "COMPLETED")
        assert state.task("s").output == {"subWorkflowId": child, "by": "bob"}


async def test_one_that_follows_an_ended_child_is_retried_and_hears_that_end(
    family: Family,
) -> None:
    """The child is not its own: it is not asked to run again."""
    _, follower, child = await shared(family)
    await family.stop(child)
    before = await family.reached(follower, "TERMINATED")
    await retry(family, follower)

    async def ended_again() -> bool:
        state = await family.state(follower)
        return state.status.terminal and state.version > before.version

    await until(ended_again)
    assert (await family.state(child)).status == "TERMINATED"


async def test_a_child_that_ran_again_before_its_end_was_told_tells_followers_of_the_next_one(
    family: Family,
) -> None:
    """Nothing but the log is left of the scheduler that heard of the followers."""
    owner, follower, child = await shared(family)
    await family.end()
    await family.stop(child)
    await retry(family, child)
    await family.schedule()
    await finish(family, child)
    for one in (owner, follower):
        assert (await family.reached(one, "COMPLETED")).tasks[1].output["by"] == "bob"


async def test_the_next_end_of_a_child_brings_nobody_back_who_only_followed_it(
    family: Family,
) -> None:
    _, follower, child = await shared(family)
    await family.stop(child)
    before = await family.reached(follower, "TERMINATED")
    again = await family.state(child)
    told = cmd.ReportChildEnded(
        command_id="told",
        workflow_id=follower,
        task_id=ids.task_id(follower, 1),
        child_id=child,
        status=again.status,
        again_version=again.version + 1,
    )
    assert isinstance(await family.decider.submit(told), cmd.Accepted)
    assert (await family.state(follower)).version == before.version


async def _stands_for(family: Family, workflow_id: str, child: str) -> bool:
    row = (await family.state(workflow_id)).task("s")
    return row is not None and row.status == "IN_PROGRESS" and row.child_id == child
