"""Children and started workflows with idempotency keys (spec 4.13, 3.6.14, 3.6.15): the real
decider and a scheduler over one log.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.statuses import WorkflowStatus
from tests.scheduler.conftest import until
from tests.scheduler.whole import Whole

MANY = 20


class Family(Whole):
    """Parents and children; a child waits for a person."""

    async def begin(self) -> None:
        human = {"name": "h", "taskReferenceName": "h", "type": "HUMAN"}
        await self.register("kid", human)

    async def register(self, name: str, *tasks: dict[str, Any], **fields: Any) -> None:
        fields.setdefault("outputParameters", {"by": "${h.output.by}"})
        await super().register(name, *tasks, **fields)

    async def child_of(self, parent: str) -> str:
        """The workflow that its first task stands for, once it does."""

        async def begun() -> str | None:
            row = (await self.state(parent)).tasks[1]
            return None if row.status == "SCHEDULED" else row.output.get("subWorkflowId")

        found: str = await until(begun)
        return found

    async def followed(self, child: str) -> bool:
        return bool((await self.state(child)).followers)

    async def finish(self, child: str) -> None:
        command = cmd.UpdateTask(
            command_id="done",
            workflow_id=child,
            task_id=ids.task_id(child, 1),
            output={"by": "ann"},
        )
        await self.decider.submit(command)

    async def stop(self, workflow_id: str) -> None:
        await self.decider.submit(cmd.TerminateWorkflow(command_id="stop", workflow_id=workflow_id))


@pytest.fixture
async def family() -> AsyncIterator[Family]:
    family = Family()
    await family.begin()
    yield family
    await family.end()


def parent(strategy: str | None, key: Any = "k") -> dict[str, Any]:
    parameters = {"name": "kid", "idempotencyKey": key, "idempotencyStrategy": strategy}
    return {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW"} | {
        "subWorkflowParam": {k: v for k, v in parameters.items() if v is not None}
    }


async def test_parents_of_one_key_share_a_child_and_all_end_with_it(family: Family) -> None:
    await family.register("p", parent("RETURN_EXISTING"))
    await family.schedule()
    parents = await asyncio.gather(*(family.start("p") for _ in range(MANY)))
    children = {await family.child_of(one) for one in parents}
    (child,) = children
    await family.finish(child)
    for one in parents:
        state = await family.reached(one, "COMPLETED")
        assert state.tasks[1].output == {"subWorkflowId": child, "by": "ann"}


async def test_a_workflow_that_has_ended_is_its_followers_end_at_once(family: Family) -> None:
    await family.register("p", parent("RETURN_EXISTING"))
    await family.schedule()
    first = await family.start("p")
    await family.finish(await family.child_of(first))
    await family.reached(first, "COMPLETED")

    late = await family.reached(await family.start("p"), "COMPLETED")
    assert late.tasks[1].output["by"] == "ann"


@pytest.mark.parametrize("strategy", [None, "FAIL", "FAIL_ON_RUNNING"])
async def test_of_parents_that_refuse_a_used_key_one_gets_the_child(
    family: Family, strategy: str | None
) -> None:
    await family.register("p", parent(strategy))
    await family.schedule()
    parents = await asyncio.gather(*(family.start("p") for _ in range(MANY)))

    async def settled() -> list[WorkflowState] | None:
        states = [await family.state(one) for one in parents]
        ended = [state for state in states if state.status.terminal]
        return ended if len(ended) == MANY - 1 else None

    failed = await until(settled)
    assert {state.status for state in failed} == {WorkflowStatus.FAILED}
    assert all("Idempotency key k of kid belongs to workflow" in s.reason for s in failed)


async def test_fail_on_running_lets_a_new_child_follow_an_ended_one(family: Family) -> None:
    await family.register("p", parent("FAIL_ON_RUNNING"))
    await family.schedule()
    first = await family.child_of(await family.start("p"))
    await family.finish(first)
    second = await family.child_of(await family.start("p"))
    assert first != second
    assert (await family.state(second)).status is WorkflowStatus.RUNNING


async def test_a_follower_that_ends_leaves_the_child_to_its_parent_whose_end_ends_it(
    family: Family,
) -> None:
    await family.register("p", parent("RETURN_EXISTING"))
    await family.schedule()
    owner = await family.start("p")
    child = await family.child_of(owner)
    follower, other = await family.start("p"), await family.start("p")
    assert {await family.child_of(one) for one in (follower, other)} == {child}
    await family.stop(follower)
    await family.stop(owner)
    await family.reached(child, "TERMINATED")
    assert (await family.reached(other, "TERMINATED")).tasks[1].status == "CANCELED"


async def test_a_child_made_up_for_under_an_earlier_id_is_as_good_as_a_planned_one(
    family: Family,
) -> None:
    await family.register("p", parent("FAIL"))
    lost = ids.mint_workflow_id(family.world.clock.now_ms(), 999)
    await family.world.keys.put("kid", "k", lost, expected=0)
    await family.schedule()
    ends, stays = await family.start("p"), lost
    assert await family.child_of(ends) == stays
    await family.finish(stays)
    assert (await family.reached(ends, "COMPLETED")).tasks[1].child_id == lost


async def test_a_scheduler_that_dies_before_it_followed_does_so_after_its_restart(
    family: Family,
) -> None:
    """Nothing but the log is left of it."""
    await family.register("p", parent("RETURN_EXISTING"))
    child = await family.start("kid")
    late = await family.start("p")
    row = (await family.state(late)).tasks[1]
    told = cmd.ReportChildStarted(
        command_id="t",
        workflow_id=late,
        task_id=ids.task_id(late, 1),
        child_id=row.child_id or "",
        led_to=child,
        adopted=True,
    )
    await family.decider.submit(told)
    await family.schedule()
    await until(lambda: family.followed(child))
    await family.schedule()
    await family.finish(child)
    await family.reached(late, "COMPLETED")


async def test_a_key_is_resolved_and_one_that_is_no_text_fails_the_task(family: Family) -> None:
    await family.register("p", parent("RETURN_EXISTING", "${workflow.input.key}"))
    await family.schedule()
    same = [await family.child_of(await family.start("p", key=7)) for _ in range(2)]
    none = [await family.child_of(await family.start("p")) for _ in range(2)]
    state = await family.reached(await family.start("p", key={"no": "text"}), "FAILED")
    assert (len(set(same)), len(set(none))) == (1, 2)
    assert "idempotencyKey is no text" in (state.reason or "")


async def test_a_workflow_does_not_wait_for_itself(family: Family) -> None:
    task = parent("RETURN_EXISTING")
    task["subWorkflowParam"]["name"] = "p"
    await family.register("p", task)
    own = await family.start("p")
    await family.world.keys.put("p", "k", own, expected=0)
    await family.schedule()
    state = await family.reached(own, "FAILED")
    assert "leads to the workflow itself" in (state.reason or "")


@pytest.mark.parametrize(("strategy", "failed"), [("RETURN_EXISTING", 0), ("FAIL", MANY - 1)])
async def test_start_workflow_tasks_of_one_key_start_one_workflow(
    family: Family, strategy: str, failed: int
) -> None:
    request = {"name": "kid", "idempotencyKey": "k", "idempotencyStrategy": strategy}
    task = {"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW"}
    await family.register("p", {**task, "inputParameters": {"startWorkflow": request}})
    await family.schedule()
    starters = await asyncio.gather(*(family.start("p") for _ in range(MANY)))

    async def all_ended() -> list[WorkflowState] | None:
        states = [await family.state(one) for one in starters]
        return states if all(state.status.terminal for state in states) else None

    states = await until(all_ended)
    led_to = {s.tasks[1].output["workflowId"] for s in states if s.status == "COMPLETED"}
    assert (len(led_to), sum(s.status == "FAILED" for s in states)) == (1, failed)
    assert (await family.state(led_to.pop())).parent_workflow_id is None


@pytest.mark.parametrize("before", [True, False])
async def test_a_child_that_is_removed_while_it_runs_is_canceled_for_its_followers(
    family: Family, before: bool
) -> None:
    """Removed before it was followed, or while it is."""
    await family.register("p", parent("RETURN_EXISTING"))
    child, late = await family.start("kid"), await family.start("p")
    row = (await family.state(late)).tasks[1]
    led = {"child_id": row.child_id or "", "led_to": child, "adopted": True}
    told = cmd.ReportChildStarted(
        command_id="t", workflow_id=late, task_id=ids.task_id(late, 1), **led
    )
    await family.decider.submit(told)
    if not before:
        await family.schedule()
        await until(lambda: family.followed(child))
    await family.decider.submit(
        cmd.RemoveWorkflow(command_id="r", workflow_id=child, archive=False)
    )
    if before:
        await family.schedule()
    assert (await family.reached(late, "TERMINATED")).tasks[1].status == "CANCELED"


async def test_following_twice_counts_once_and_an_ended_workflow_refuses(family: Family) -> None:
    child = await family.start("kid")
    task = ids.task_id(ids.mint_workflow_id(5, 5), 1)
    for number in range(2):
        command = cmd.FollowWorkflow(command_id=f"f{number}", workflow_id=child, task_id=task)
        assert isinstance(await family.decider.submit(command), cmd.Accepted)
    assert (await family.state(child)).followers == (task,)
    await family.stop(child)
    late = cmd.FollowWorkflow(command_id="late", workflow_id=child, task_id=task)
    answer = await family.decider.submit(late)
    assert isinstance(answer, cmd.Rejected)
    events = [e for r in await family.decider.history(child) for e in r.commit.events]
    assert sum(isinstance(event, ev.WorkflowFollowed) for event in events) == 1
