"""Search attributes of executions: which definition chooses them, and since when."""

from typing import Any

import msgspec
import pytest
from tests.projection.conftest import find, names, rebuild_is, rows_at, running
from tests.projection.histories import Definitions, History, finished, scheduled

from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.memory import MemoryLog
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import Refusal

N = {"n": {"value": "${workflow.input.n}", "type": "number"}}


class Both(MemoryDefinitions):
    """Definitions that are registered, and others that only executions have, by their hash."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[str, WorkflowDef] = {}

    async def pinned(self, sha256: str) -> Blueprint:
        if sha256 in self.own:
            return Blueprint(self.own[sha256], sha256)
        return await Definitions().pinned(sha256)

    async def choose(self, given: Any, *, name: str = "flow", **more: Any) -> None:
        definition = WorkflowDef(name=name, metadata={"searchAttributes": given}, **more)
        await self.put_workflow(definition, overwrite=True)


@pytest.fixture
def definitions() -> Both:
    return Both()


@pytest.fixture
def service(make, definitions: Both):
    return make(definitions=definitions)


async def test_a_new_choice_counts_for_what_is_written_after_it(
    service, log: MemoryLog, definitions: Both
) -> None:
    async with running(service):
        await finished(log, 1)
        waiting = History(log, 2)
        await waiting.start({"n": 2})
        await rows_at(service, waiting.position)
        with pytest.raises(Refusal):
            await find(service, "n > 0")

        await definitions.choose(N)
        assert (await find(service, "n > 0")).total_hits == 0
        last = await finished(log, 3)
        await rows_at(service, last.position)
        assert (await find(service, "n > 0")).total_hits == 1
        await waiting.commit(scheduled("a", 1))
        await rows_at(service, waiting.position)
        page = await find(service, "n > 0", sort="n:ASC")
        assert [msgspec.json.decode(row)["searchAttributes"] for row in page.results] == [
            {"n": 2}, {"n": 3},
        ]  # fmt: skip


async def test_a_rebuild_fills_a_changed_choice_for_what_ended_before(
    service, log: MemoryLog, definitions: Both
) -> None:
    await definitions.choose(N)
    async with running(service):
        last = [await finished(log, number) for number in range(1, 6)][-1]
        await rows_at(service, last.position)
        assert (await find(service, "n BETWEEN 2 AND 3")).total_hits == 2

        await definitions.choose({"y": {"value": "${workflow.output.y}", "type": "number"}})
        assert (await find(service, "y IS NOT NULL")).total_hits == 0
        await service.upkeep().rebuild("strict")
        told = (await rebuild_is(service, state="done")).comparison
        assert told is not None
        assert (told.different, told.unexplained) == (5, 0)
        assert (await find(service, "y >= 4")).total_hits == 2
        with pytest.raises(Refusal) as refused:
            await find(service, "n > 0")
        assert "no field 'n'" in refused.value.message


async def test_what_nobody_chooses_any_more_goes_with_the_next_change_of_a_row(
    service, log: MemoryLog, definitions: Both
) -> None:
    await definitions.choose(N)
    async with running(service):
        history = History(log)
        await history.start({"n": 1})
        await rows_at(service, history.position)
        assert (await find(service, "n = 1")).total_hits == 1
        await definitions.choose({})
        await history.commit(scheduled("a", 1))
        await rows_at(service, history.position)
        assert (await find(service, "n = 1")).total_hits == 0


async def test_each_version_chooses_for_its_own_and_nobody_for_other_names(
    service, log: MemoryLog, definitions: Both
) -> None:
    await definitions.choose({"two": "${workflow.input.n}"}, version=2)
    await definitions.choose(N)
    async with running(service):
        await finished(log, 1, name="other")
        last = await finished(log, 2)
        await rows_at(service, last.position)
        assert await names(service, "n IS NOT NULL") == ["flow"]
        assert await names(service, "two IS NOT NULL") == []


async def test_a_definition_that_came_with_the_start_chooses_itself(
    service, log: MemoryLog, definitions: Both
) -> None:
    definitions.own["inline"] = WorkflowDef(name="inline", metadata={"searchAttributes": N})
    async with running(service):
        last = await finished(log, 7, name="inline")
        await rows_at(service, last.position)
        assert await names(service, "n = 7") == ["inline"]


@pytest.mark.parametrize("hides", ["its own", "the registered"])
async def test_what_either_definition_masks_is_found_by_nobody(
    service, log: MemoryLog, definitions: Both, hides: str
) -> None:
    definitions.own["flow"] = WorkflowDef(
        name="flow", masked_fields=["n"] if hides == "its own" else []
    )
    masked = ["n"] if hides == "the registered" else []
    whole = {"all": "${workflow.input}"} if masked else {**N, "all": "${workflow.input}"}
    definition = WorkflowDef(
        name="flow", metadata={"searchAttributes": whole}, masked_fields=masked
    )
    await definitions.put_workflow(definition, overwrite=True)
    async with running(service):
        last = await finished(log, 4711)
        await rows_at(service, last.position)
        page = await find(service, "all IS NOT NULL")
        [summary] = [msgspec.json.decode(row) for row in page.results]
        assert summary["searchAttributes"] == {"all": "{}"}
        assert (await find(service, "all = '*4711*'")).total_hits == 0


async def test_of_a_lost_definition_nothing_is_found(
    service, log: MemoryLog, definitions: Both
) -> None:
    await definitions.choose(N, name="lost")
    async with running(service):
        last = await finished(log, 1, name="lost")
        await rows_at(service, last.position)
        assert (await find(service, "n IS NOT NULL")).total_hits == 0


async def test_free_text_finds_them(service, log: MemoryLog, definitions: Both) -> None:
    await definitions.choose({"half": {"value": "${workflow.output.y}", "type": "number"}})
    async with running(service):
        history = History(log)
        await history.start()
        await history.complete({"y": 12.5})
        await rows_at(service, history.position)
        assert (await find(service, free_text="12.5", wait_s=5.0)).total_hits == 1
