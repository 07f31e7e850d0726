"""Messages of onStateChange leave once, whatever stops the scheduler, also of ended workflows."""

from firmus_contracts import events as ev
from firmus_contracts.commands import Rejected, ReportStateEventSent
from tests.scheduler.conftest import World, until
from tests.scheduler.world import scheduled, workflow_id

ONE = workflow_id(1)


def message(number: int = 1) -> ev.StateEventRaised:
    return ev.StateEventRaised(
        ordinal=1, transition="onScheduled", sink="jsm:orders", payload={"n": number}
    )


async def all_recorded(world: World) -> bool:
    state = await world.decider.read(ONE)
    return state is not None and not state.unsent


async def test_a_message_is_sent_under_the_id_of_its_event_and_recorded(world: World) -> None:
    await world.start(ONE, scheduled(), message(1), message(2))
    await world.scheduler()
    await until(lambda: all_recorded(world))

    assert sorted(world.sinks.sent) == [
        ("jsm:orders", f"{ONE}/3", b'{"n":1}'),
        ("jsm:orders", f"{ONE}/4", b'{"n":2}'),
    ]


async def test_what_was_recorded_is_not_sent_again_by_a_scheduler_without_memory(
    world: World,
) -> None:
    await world.start(ONE, scheduled(), message())
    first = await world.scheduler()
    await until(lambda: all_recorded(world))
    await world.kill(first)
    world.store.values.clear()
    await world.scheduler()
    await world.decider.happens(ONE, message(2))
    await until(lambda: len(world.sinks.sent) > 1)

    assert [body for _, _, body in world.sinks.sent] == [b'{"n":1}', b'{"n":2}']


async def test_a_message_waits_for_a_sink_that_is_down_and_survives_a_crash(world: World) -> None:
    world.sinks.down = True
    await world.start(ONE, scheduled(), message())
    first = await world.scheduler()
    await until(lambda: world.sinks.refused)
    await world.kill(first)
    world.sinks.down = False
    await world.scheduler()
    await until(lambda: all_recorded(world))

    assert len(world.sinks.sent) == 1


async def test_a_message_whose_record_was_lost_goes_out_again_under_the_same_id(
    world: World,
) -> None:
    world.decider.refusals[ReportStateEventSent] = [
        Rejected(code="INTERNAL", message="a passing fault")
    ]
    await world.start(ONE, scheduled(), message())
    await world.scheduler()
    await until(lambda: all_recorded(world))

    assert {event_id for _, event_id, _ in world.sinks.sent} == {f"{ONE}/3"}
    assert len(world.sinks.sent) == 2


async def test_messages_of_an_ended_workflow_leave_too(world: World) -> None:
    await world.start(ONE, scheduled(), message(), ev.WorkflowFailed())
    await world.scheduler()
    await until(lambda: all_recorded(world))

    assert len(world.sinks.sent) == 1
