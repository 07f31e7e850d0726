"""Schedules of a whole system: with the official SDK, and with processes killed all the while."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.save_schedule_request import SaveScheduleRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_scheduler_client import OrkesSchedulerClient
from conductor.client.orkes_clients import OrkesClients

from firmus.console.rest import RestClient
from tests.e2e.processes import Child, firmus, until
from tests.e2e.system import Services, System

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    # The SDK's own models read fields that it has deprecated; it leaves its HTTP clients open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
FLOW = {
    "name": "scheduled_flow",
    "version": 1,
    "tasks": [{"name": "wait", "taskReferenceName": "wait", "type": "HUMAN"}],
}
RUNS = 10
KEPT = 50


@pytest.fixture
def sdk(shared: System) -> OrkesSchedulerClient:
    RestClient(shared.url).register_workflow(FLOW)
    client = OrkesClients(Configuration(server_api_url=shared.api)).get_scheduler_client()
    assert isinstance(client, OrkesSchedulerClient)
    return client


def request(name: str, cron: str, **more: Any) -> SaveScheduleRequest:
    start = StartWorkflowRequest(name=str(FLOW["name"]), version=1, input={"k": 1})
    return SaveScheduleRequest(
        name=name, cron_expression=cron, start_workflow_request=start, **more
    )


def test_the_sdk_saves_reads_pauses_tags_and_deletes_schedules(sdk: OrkesSchedulerClient) -> None:
    name = f"sdk_{uuid.uuid4().hex[:8]}"
    sdk.save_schedule(request(name, "0 0 3 * * MON", zone_id="Europe/Berlin", description="weekly"))
    found = sdk.get_schedule(name)
    assert (found.cron_expression, found.zone_id, found.paused) == (
        *("0 0 3 * * MON", "Europe/Berlin"),
        False,
    )
    assert name in [each.name for each in sdk.get_all_schedules(str(FLOW["name"]))]
    sdk.pause_schedule(name, "holiday")
    assert sdk.get_schedule(name).paused_reason == "holiday"
    sdk.resume_schedule(name)
    tag = MetadataTag("team", "a")
    sdk.set_scheduler_tags([tag], name)
    assert [(each.key, each.value) for each in sdk.get_scheduler_tags(name)] == [("team", "a")]
    sdk.delete_scheduler_tags([tag], name)
    assert sdk.get_scheduler_tags(name) == []
    assert len(sdk.get_next_few_schedule_execution_times("0 0 3 * * MON", limit=3)) == 3
    sdk.delete_schedule(name)
    with pytest.raises(ApiException, match=f"Schedule '{name}' not found"):
        sdk.get_schedule(name)


def test_the_sdk_finds_the_runs_of_a_schedule(sdk: OrkesSchedulerClient, shared: System) -> None:
    name = f"sdk_{uuid.uuid4().hex[:8]}"
    sdk.save_schedule(request(name, "* * * * * *"))

    def runs() -> list[Any]:
        found = sdk.search_schedule_executions(query=f"scheduleName IN ({name})", size=200)
        return [run for run in found.results if run.state == "EXECUTED"]

    until("two runs", lambda: len(runs()) >= 2)
    sdk.delete_schedule(name)
    run = runs()[-1]
    shown = RestClient(shared.url).workflow(run.workflow_id)
    assert shown["input"]["_startedByScheduler"] == name
    assert shown["input"]["_scheduledTime"] == run.scheduled_time
    assert run.scheduled_time % 1000 == 0


@pytest.fixture
def two(services: Services, tmp_path: Path) -> Iterator[list[Child]]:
    """Both instances of the service; the second one has a name of its own."""
    system = services.system
    flags = ("--nats-url", system.nats_url, "--data-dir", str(system.data))
    second = Child(
        "schedules-2",
        firmus("serve", "schedules", *flags, "--instance", "second"),
        tmp_path / "schedules-2.log",
    )
    with ExitStack() as stack:
        second.start()
        stack.callback(second.stop)
        yield [services.children["schedules"], second]


def test_each_instant_starts_one_workflow_whoever_is_killed(
    services: Services, two: list[Child]
) -> None:
    RestClient(services.system.url).register_workflow(FLOW)
    clients = OrkesClients(Configuration(server_api_url=services.system.api))
    sdk = clients.get_scheduler_client()
    sdk.save_schedule(request("each", "* * * * * *", run_catchup_schedule_instances=True))
    victims = [*two, services.children["decider"], *two, services.children["scheduler"]]
    for number, victim in enumerate(victims, start=1):
        until("another run", lambda: len(runs_of(sdk)) >= number)  # noqa: B023 - ends in its round
        victim.kill()
        victim.start()
    until("the runs", lambda: len(runs_of(sdk)) >= RUNS)
    persist(lambda: sdk.pause_schedule("each"))
    until("their ends", lambda: {run.state for run in runs_of(sdk)} == {"EXECUTED"})
    runs = runs_of(sdk)
    times = sorted(run.scheduled_time for run in runs)
    assert times == list(range(times[0], times[-1] + 1, 1000))
    ids = clients.get_workflow_client().workflowResourceApi.get_running_workflow(FLOW["name"])
    assert sorted(ids) == sorted(run.workflow_id for run in runs)


def runs_of(sdk: OrkesSchedulerClient) -> list[Any]:
    """All runs that are known; none while a service is away."""
    try:
        found: list[Any] = sdk.search_schedule_executions(size=KEPT).results
    except ApiException:
        return []
    return found


def persist(act: Callable[[], object]) -> None:
    """Repeats a call until nobody is away."""

    def done() -> bool:
        try:
            act()
        except ApiException:
            return False
        return True

    until("an answer", done)
