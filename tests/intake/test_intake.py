"""Start events: exactly one workflow for each, whatever is delivered how often."""

import asyncio
import json

import msgspec
import pytest

from firmus.intake import handling
from firmus.intake.service import Intake
from firmus_contracts import ids, subjects
from firmus_contracts.commands import StartWorkflow, TerminateWorkflow
from tests.intake.conftest import Bench

pytestmark = pytest.mark.nats


@pytest.mark.usefixtures("intake")
async def test_an_event_starts_its_workflow_with_all_it_says(bench: Bench) -> None:
    body = {
        "version": 1,
        "input": {"a": 1},
        "correlationId": "c-1",
        "priority": 7,
        "taskToDomain": {"*": "d"},
    }
    await bench.publish("firmus.start.flow", json.dumps(body).encode())
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert (state.name, state.input, state.correlation_id) == ("flow", {"a": 1}, "c-1")
    assert (state.priority, state.task_to_domain) == (7, {"*": "d"})


@pytest.mark.usefixtures("intake")
async def test_an_empty_event_is_a_start_without_input(bench: Bench) -> None:
    await bench.publish("firmus.start.flow")
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert state.input == {}


@pytest.mark.usefixtures("intake")
async def test_an_input_named_by_a_path_is_read_and_one_that_is_not_there_refused(
    bench: Bench,
) -> None:
    await bench.world.uploads.put("workflow/input/one.json", b'{"n": 7}')
    for name in ("one", "other"):
        body = {"externalInputPayloadStoragePath": f"workflow/input/{name}.json"}
        await bench.publish("firmus.start.flow", json.dumps(body).encode())
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert (state.input, state.external_input_path) == ({"n": 7}, "workflow/input/one.json")
    (dead,) = await bench.dead_letters()
    assert dead.data == json.dumps(body).encode()


@pytest.mark.usefixtures("intake")
async def test_events_that_only_look_alike_start_a_workflow_each(bench: Bench) -> None:
    for _ in range(3):
        await bench.publish("firmus.start.flow", b'{"input": {"a": 1}}')
    await bench.until(bench.answered)
    assert len(await bench.workflows()) == 3


@pytest.mark.usefixtures("intake")
async def test_an_idempotency_key_starts_one_workflow_for_ever(bench: Bench) -> None:
    for number in range(3):
        body = {"idempotencyKey": "k", "input": {"n": number}}
        await bench.publish("firmus.start.flow", json.dumps(body).encode())
        await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert (state.idempotency_key, state.input) == ("k", {"n": 0})


@pytest.mark.usefixtures("intake")
async def test_a_cloud_event_is_known_by_source_and_id(bench: Bench) -> None:
    for source, event_id in (("shop", "1"), ("shop", "1"), ("shop", "2"), ("till", "1")):
        await bench.publish("firmus.start.flow", b"{}", ce_id=event_id, ce_source=source)
    await bench.until(bench.answered)
    assert len(await bench.workflows()) == 3
    first, *_ = [c for c in bench.world.door.seen if isinstance(c, StartWorkflow)]
    assert first.actor == "nats:shop"


async def test_a_redelivered_event_repeats_the_same_command(bench: Bench) -> None:
    bench.world.door.shut = True
    await bench.publish("firmus.start.flow", b"{}", traceparent="00-a-b-01")
    intake = bench.intake()
    await intake.start()

    async def postponed() -> bool:
        return intake.postponed > 0

    await bench.until(postponed)
    bench.world.door.shut = False
    await bench.until(bench.answered)
    await intake.stop()
    commands = [c for c in bench.world.door.seen if isinstance(c, StartWorkflow)]
    assert len(commands) >= 2
    assert len({(c.command_id, c.workflow_id, c.trace) for c in commands}) == 1
    assert commands[0].trace == "00-a-b-01"
    assert len(await bench.workflows()) == 1
    assert intake.started == 1


@pytest.mark.usefixtures("intake")
@pytest.mark.parametrize("body", [b"{}", b'{"idempotencyKey": "k", "idempotencyStrategy": "FAIL"}'])
async def test_a_start_whose_answer_was_lost_is_found_in_the_log(bench: Bench, body: bytes) -> None:
    bench.world.door.loses_answers = True
    await bench.publish("firmus.start.flow", body)
    await bench.until(bench.answered)
    assert len(await bench.workflows()) == 1
    assert await bench.dead_letters() == []


@pytest.mark.usefixtures("intake")
@pytest.mark.parametrize(
    ("strategy", "dead"), [("FAIL", 19), ("FAIL_ON_RUNNING", 19), ("RETURN_EXISTING", 0)]
)
async def test_twenty_events_of_one_key_start_one_workflow(
    bench: Bench, strategy: str, dead: int
) -> None:
    """Those that the strategy refuses become dead letters, which say whose the key is."""
    body = json.dumps({"idempotencyKey": "k", "idempotencyStrategy": strategy}).encode()
    await asyncio.gather(*(bench.publish("firmus.start.flow", body) for _ in range(20)))
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    letters = await bench.dead_letters()
    assert len(letters) == dead
    assert state.idempotency_key == "k"


async def test_a_redelivered_event_that_fails_on_known_keys_is_not_refused_for_itself(
    bench: Bench,
) -> None:
    """Also when it made up for a start that was lost, under the id that was promised then."""
    lost = ids.mint_workflow_id(5000, 99)
    for key in ("own", "healed"):
        body = json.dumps({"idempotencyKey": key, "idempotencyStrategy": "FAIL"}).encode()
        if key == "healed":
            await bench.keys.put("flow", key, lost, expected=0)
        message = handling.StartMessage(
            subject="firmus.start.flow", data=body, headers={}, sequence=1, stored_ms=1000
        )
        first = await handling.handle(message, bench.starts)
        assert isinstance(first, handling.Started)
        assert await handling.handle(message, bench.starts) == first
        other = msgspec.structs.replace(message, sequence=2)
        assert isinstance(await handling.handle(other, bench.starts), handling.Dead)


async def test_a_redelivery_after_the_command_was_forgotten_starts_nothing(bench: Bench) -> None:
    message = handling.StartMessage(
        subject="firmus.start.flow", data=b"{}", headers={}, sequence=1, stored_ms=1000
    )
    first = await handling.handle(message, bench.starts)
    assert isinstance(first, handling.Started)
    state = await bench.world.decider.read(first.workflow_id)
    assert state is not None
    for number in range(300):
        command = TerminateWorkflow(command_id=str(number), workflow_id=first.workflow_id)
        await bench.world.decider.submit(command)
    second = await handling.handle(message, bench.starts)
    assert second == first
    assert len(await bench.workflows()) == 1


@pytest.mark.usefixtures("intake")
async def test_a_key_claimed_before_a_crash_leads_to_the_workflow_it_promised(
    bench: Bench,
) -> None:
    promised = ids.mint_workflow_id(5000, 99)
    await bench.keys.put("flow", "k", promised, expected=0)
    await bench.publish("firmus.start.flow", b'{"idempotencyKey": "k"}')
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert state.workflow_id == promised


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        ("firmus.start.flow", b"{oops", "not valid JSON"),
        ("firmus.start.flow", b"[1]", "cannot be read"),
        ("firmus.start.flow", b'{"priority": 100}', "below errors"),
        ("firmus.start.flow", b'{"name": "other"}', "name: other"),
        ("firmus.start.flow", b'{"input": null}', "input"),
        ("firmus.start.flow", b'{"workflowDef": {"name": "flow"}}', "workflowDef"),
        ("firmus.start.flow", b'{"version": 9}', "flow"),
        ("firmus.start.nobody", b"{}", "nobody"),
        ("firmus.start.a.b", b"{}", "%2E"),
    ],
)
async def test_what_can_never_be_a_start_becomes_a_dead_letter(
    bench: Bench, intake: Intake, subject: str, body: bytes, reason: str
) -> None:
    sequence = await bench.publish(subject, body, x_mine="kept")
    await bench.until(bench.answered)
    (dead,) = await bench.until(bench.dead_letters)
    assert dead.data == body
    assert dead.subject == subjects.dead_letter_subject(subject.removeprefix("firmus.start."))
    stored = await bench.connection.jetstream().get_msg(subjects.DEAD_LETTER_STREAM, dead.sequence)
    headers = stored.headers or {}
    assert reason in headers["Firmus-Reason"]
    assert (headers["x-mine"], headers["Firmus-Sequence"]) == ("kept", str(sequence))
    assert (intake.dead_letters, await bench.workflows()) == (1, [])


@pytest.mark.usefixtures("intake")
async def test_a_structured_cloud_event_is_refused_and_not_misread(bench: Bench) -> None:
    body = b'{"specversion": "1.0", "id": "1", "data": {"input": {"a": 1}}}'
    await bench.publish("firmus.start.flow", body, content_type="application/cloudevents+json")
    (dead,) = await bench.until(bench.dead_letters)
    assert dead.data == body
    assert await bench.workflows() == []


async def test_events_published_while_no_intake_runs_are_not_lost(bench: Bench) -> None:
    for _ in range(5):
        await bench.publish("firmus.start.flow", b"{}")
    first, second = bench.intake(), bench.intake()
    await asyncio.gather(first.start(), second.start())
    await bench.until(bench.answered)
    await asyncio.gather(first.stop(), second.stop())
    assert len(await bench.workflows()) == 5
    assert first.started + second.started == 5


@pytest.mark.usefixtures("intake")
async def test_names_with_any_character_are_started_through_their_subject(bench: Bench) -> None:
    name = "ordre n°7 / Übung.v2 >*"
    definition = await bench.world.definitions.workflow("flow")
    assert definition is not None
    await bench.world.definitions.put_workflow(
        type(definition)(name=name, tasks=definition.tasks), overwrite=True
    )
    await bench.publish(subjects.start_subject(name))
    await bench.until(bench.answered)
    (state,) = await bench.workflows()
    assert state.name == name


def test_the_delay_grows_with_every_delivery_up_to_a_limit() -> None:
    def delay(delivery: int) -> float:
        message = handling.StartMessage(
            subject="s", data=b"", headers={}, sequence=1, stored_ms=1, delivery=delivery
        )
        return handling._delay_s(message)

    delays = [delay(number) for number in range(1, 20)]
    assert delays[:3] == [0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == handling.DELAY_MOST_S


def test_a_fault_of_ours_is_tried_again_before_it_is_a_dead_letter() -> None:
    def outcome(code: str, delivery: int) -> handling.Outcome:
        message = handling.StartMessage(
            subject="s", data=b"", headers={}, sequence=1, stored_ms=1, delivery=delivery
        )
        return handling._refused(code, "why", message)

    last = handling.DELIVERIES_OF_FAULTS_MAX
    assert isinstance(outcome("INTERNAL", last - 1), handling.Later)
    assert outcome("INTERNAL", last) == handling.Dead("INTERNAL", "why")
    assert isinstance(outcome("UNAVAILABLE", 10 * last), handling.Later)
    assert outcome("NOT_FOUND", 1) == handling.Dead("NOT_FOUND", "why")
