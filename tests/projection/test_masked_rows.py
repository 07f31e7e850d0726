"""Masked fields are in no row of the read model and in no public event."""

import msgspec
import pytest
from tests.flow import Flow, definition, simple
from tests.projection.conftest import find, rebuild_is, rows_at, running, until
from tests.projection.histories import EVENTS_OF_FINISHED, Unregistered, finished

from firmus.projection import rows as rows_module
from firmus.projection.cursors import RowsCursor
from firmus.projection.publication import commit_headers, publish
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import evolve
from firmus.workflow.masking import NOTHING
from firmus_contracts import events as ev


class Pinned(Unregistered):
    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint

    async def pinned(self, sha256: str) -> Blueprint:
        if self._blueprint.sha256 != sha256:
            raise KeyError(sha256)
        return self._blueprint


@pytest.fixture
def flow() -> Flow:
    flow = Flow(simple("pay", inputParameters={"card": "4711"}), maskedFields=["card"])
    flow.start({"card": "4711", "n": 1})
    flow.begin("pay")
    flow.update("pay", output={"card": "4711", "n": 1})
    return flow


@pytest.mark.parametrize("lost", [False, True])
async def test_rows_hide_them_and_everything_of_a_lost_definition(flow: Flow, lost: bool) -> None:
    blueprint = Blueprint(flow.blueprint.definition, "other") if lost else flow.blueprint
    rows = RowBuffer(Classifiers(Pinned(blueprint)))
    rows.add(flow.state, {1: flow.state.version})
    batch = await rows.take(RowsCursor(), None)

    for row in (*batch.workflows, *batch.tasks):
        summary = msgspec.json.decode(row[-1])
        assert "4711" not in row[-1]
        assert "card=***" in summary["input"]
        assert ("n=1" in summary["output"]) is not lost


async def test_of_any_number_of_definitions_a_few_are_kept_and_all_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As of workflows that are each started with a definition of their own."""
    monkeypatch.setattr(rows_module, "KNOWN_MAX", 2)
    classifiers = Classifiers(MaskingLater())
    told = await classifiers.masked(["1", "2", "3", "4"])
    assert told == {"1": NOTHING, "2": {"y"}, "3": NOTHING, "4": NOTHING}
    assert (await classifiers.of("2")).masked == {"y"}
    assert len(classifiers._known) == 2


async def test_public_events_hide_them(flow: Flow) -> None:
    names = flow.blueprint.masked
    state, bodies, version = None, [], 0
    for commit in flow.commits:
        shared = commit_headers(commit, 1, "d")
        for event in commit.events:
            version += 1
            state = evolve(state, event, workflow_id=commit.workflow_id, now_ms=commit.time_ms)
            made = publish(state, event, version, commit, shared, names=names)
            bodies += [made.body] if made else []

    assert len(bodies) == 5
    assert not [body for body in bodies if b"4711" in body]
    assert [body for body in bodies if b'"card":"***"' in body]


class Masking(Unregistered):
    """Every definition masks `n`; the hash is the name."""

    async def pinned(self, sha256: str) -> Blueprint:
        if sha256 == "lost":
            raise KeyError(sha256)
        return Blueprint(definition(simple("a"), maskedFields=["n"]), sha256)


@pytest.mark.nats
async def test_the_running_projection_publishes_no_masked_field(
    make, log, publisher, events
) -> None:
    async with running(make(publisher=publisher, definitions=Masking())):
        await finished(log, 1)
        await finished(log, 2, name="lost")

        async def all_there() -> bool:
            return await events.count() >= 2 * EVENTS_OF_FINISHED

        await until("all events", all_there)
    shown = [
        (body["workflowName"], body["input"], body["output"])
        for subject, _, body in await events.messages()
        if subject.startswith("workflow.completed")
    ]
    assert shown == [
        ("flow", {"n": "***"}, {"y": 1}),
        ("lost", {"n": "***"}, {"y": "***"}),
    ]


class MaskingLater(Unregistered):
    """Only the second version of a definition masks `y`; the hash is the version."""

    async def pinned(self, sha256: str) -> Blueprint:
        masked = ["y"] if sha256 == "2" else []
        return Blueprint(definition(simple("a"), maskedFields=masked), sha256)


async def test_an_upgrade_hides_in_earlier_rows_what_the_new_version_masks(make, log) -> None:
    async with running(make(definitions=MaskingLater())) as service:
        history = await finished(log, 1)
        await rows_at(service, history.position)
        shown = (await find(service, what="tasks")).results[0]
        assert b"y=1" in bytes(shown)
        await history.commit(ev.WorkflowUpgraded(definition_version=2, definition_hash="2"))
        await rows_at(service, history.position)
        hidden = (await find(service, what="tasks")).results[0]
        assert b"y=***" in bytes(hidden)
        await service.upkeep().rebuild("strict")
        await rebuild_is(service, state="done")
