"""Every method of the official Python SDK's SchedulerClient against a whole system."""

import time
from typing import Any

import pytest
from conductor.client.ai.schedule import Schedule, ScheduleInfo
from conductor.client.http.models.save_schedule_request import SaveScheduleRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_scheduler_client import OrkesSchedulerClient

from tests.e2e.processes import until
from tests.e2e.sdk_clients import MARKS, Clients, fresh, unchecked

pytestmark = MARKS
YEARLY = "0 0 0 1 1 ?"
EACH_SECOND = "* * * * * ?"


def test_no_method_is_left_out() -> None:
    assert unchecked(OrkesSchedulerClient, globals()) == set()


def saved(clients: Clients, cron: str = YEARLY, **fields: Any) -> tuple[str, str]:
    """The names of a new schedule and of its workflow."""
    workflow, name = clients.define(), fresh("schedule")
    request = StartWorkflowRequest(name=workflow, version=1, input={"x": 1})
    given = SaveScheduleRequest(
        name=name, cron_expression=cron, start_workflow_request=request, **fields
    )
    clients.scheduler.save_schedule(given)
    return name, workflow


def is_unknown(clients: Clients, name: str) -> bool:
    with pytest.raises(ApiException) as raised:
        clients.scheduler.get_schedule(name)
    return bool(raised.value.status == 404)


def test_save_schedule(clients: Clients) -> None:
    name, workflow = saved(clients, paused=True)
    found = clients.scheduler.get_schedule(name)

    assert (found.cron_expression, found.paused) == (YEARLY, True)
    assert found.start_workflow_request.name == workflow


def test_get_schedule(clients: Clients) -> None:
    name, _ = saved(clients)

    assert clients.scheduler.get_schedule(name).name == name
    assert is_unknown(clients, fresh("nothing"))


def test_get_all_schedules(clients: Clients) -> None:
    name, workflow = saved(clients)

    assert [each.name for each in clients.scheduler.get_all_schedules(workflow)] == [name]
    assert name in [each.name for each in clients.scheduler.get_all_schedules()]


def test_get_next_few_schedule_execution_times(clients: Clients) -> None:
    since_ms = round(time.time() * 1000) + 3_600_000
    times = clients.scheduler.get_next_few_schedule_execution_times(
        EACH_SECOND, schedule_start_time=since_ms, schedule_end_time=since_ms + 60_000, limit=3
    )

    assert len(times) == 3
    assert all(since_ms <= each <= since_ms + 60_000 for each in times)


def test_delete_schedule(clients: Clients) -> None:
    name, _ = saved(clients)
    clients.scheduler.delete_schedule(name)

    assert is_unknown(clients, name)


@pytest.mark.parametrize("reason", [None, "holidays"])
def test_pause_schedule(clients: Clients, reason: str | None) -> None:
    name, _ = saved(clients)
    clients.scheduler.pause_schedule(name, reason)

    assert clients.scheduler.get_schedule(name).paused is True


def test_resume_schedule(clients: Clients) -> None:
    name, _ = saved(clients, paused=True)
    clients.scheduler.resume_schedule(name)

    assert not clients.scheduler.get_schedule(name).paused


def test_search_schedule_executions(clients: Clients) -> None:
    name, workflow = saved(clients, EACH_SECOND)

    def ran() -> bool:
        page = clients.scheduler.search_schedule_executions(
            size=10, sort="startTime:DESC", query=f"scheduleName IN ({name})"
        )
        return any(hit.state == "EXECUTED" for hit in page.results)

    until("a run of the schedule", ran)
    clients.scheduler.pause_schedule(name)
    page = clients.scheduler.search_schedule_executions(query=f"scheduleName IN ({name})", size=50)
    hit = next(hit for hit in page.results if hit.state == "EXECUTED")
    assert (hit.schedule_name, hit.workflow_name) == (name, workflow)
    assert clients.workflow.get_workflow(hit.workflow_id).input["x"] == 1


def test_pause(clients: Clients) -> None:
    name, _ = saved(clients)
    clients.scheduler.pause(name, reason="holidays")

    assert clients.scheduler.get_schedule(name).paused is True


def test_resume(clients: Clients) -> None:
    name, _ = saved(clients, paused=True)
    clients.scheduler.resume(name)

    assert not clients.scheduler.get_schedule(name).paused


def test_delete(clients: Clients) -> None:
    name, _ = saved(clients)
    clients.scheduler.delete(name)

    assert is_unknown(clients, name)


def test_preview_next(clients: Clients) -> None:
    assert len(clients.scheduler.preview_next(EACH_SECOND, n=4)) == 4


def test_pause_all_schedules(clients: Clients) -> None:
    """Nothing starts while all are paused; each is itself what it was."""
    name, _ = saved(clients)
    clients.scheduler.pause_all_schedules()
    try:
        assert not clients.scheduler.get_schedule(name).paused
    finally:
        clients.scheduler.resume_all_schedules()


def test_resume_all_schedules(clients: Clients) -> None:
    clients.scheduler.pause_all_schedules()
    clients.scheduler.resume_all_schedules()
    name, _ = saved(clients, EACH_SECOND)

    def ran() -> bool:
        query = f"scheduleName IN ({name}) AND state IN (EXECUTED)"
        return bool(clients.scheduler.search_schedule_executions(query=query).results)

    until("a run after all", ran)
    clients.scheduler.pause_schedule(name)


def test_requeue_all_execution_records(clients: Clients) -> None:
    clients.scheduler.requeue_all_execution_records()


def tags_of(clients: Clients, name: str) -> set[tuple[str, str]]:
    return {(tag.key, tag.value) for tag in clients.scheduler.get_scheduler_tags(name)}


def test_set_scheduler_tags(clients: Clients) -> None:
    name, _ = saved(clients)
    clients.scheduler.set_scheduler_tags([MetadataTag("team", "a"), MetadataTag("on", "b")], name)

    assert tags_of(clients, name) == {("team", "a"), ("on", "b")}


def test_get_scheduler_tags(clients: Clients) -> None:
    name, _ = saved(clients)

    assert tags_of(clients, name) == set()


def test_delete_scheduler_tags(clients: Clients) -> None:
    name, _ = saved(clients)
    team, on = MetadataTag("team", "a"), MetadataTag("on", "b")
    clients.scheduler.set_scheduler_tags([team, on], name)
    clients.scheduler.delete_scheduler_tags([team], name)

    assert tags_of(clients, name) == {("on", "b")}


def test_run_now(clients: Clients) -> None:
    _, workflow = saved(clients)
    nothing = dict.fromkeys(ScheduleInfo.__dataclass_fields__)
    info = ScheduleInfo(**{**nothing, "agent": workflow, "input": {"x": 2}})

    assert clients.workflow.get_workflow(clients.scheduler.run_now(info)).input == {"x": 2}


def test_reconcile(clients: Clients) -> None:
    workflow = clients.define()
    named = [Schedule(name=name, cron=YEARLY) for name in ("one", "two")]
    seen = []
    for desired in (named, named[:1], None, []):
        clients.scheduler.reconcile(workflow, desired)
        found = clients.scheduler.get_all_schedules(workflow)
        seen.append([each.name.removeprefix(f"{workflow}-") for each in found or []])

    assert seen == [["one", "two"], ["one"], ["one"], []]
