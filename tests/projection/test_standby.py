"""Several projections of one log: one is active, the others keep their own rows and take over."""

from pathlib import Path

import pytest
from tests.projection.conftest import OpenLease, find, names, rows_at, running, status_is
from tests.projection.histories import finished
from tests.projection.test_rebuild import rows, write_all_kinds

from firmus.eventlog.memory import MemoryLog
from firmus.ports import SearchPage, SearchRequest, Unavailable
from firmus.projection import service as service_module
from firmus.projection.folder import ReadModelFolder
from firmus.projection.publisher import EventsPublisher
from firmus.projection.service import ProjectionService
from firmus.transport.search import NearestSearch


@pytest.fixture(autouse=True)
def _standby_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "STANDBY_AFTER_S", 0.0)


async def test_a_standby_keeps_its_own_rows_and_shows_none(
    make, log: MemoryLog, tmp_path: Path
) -> None:
    lease = OpenLease()
    async with running(make(lease=lease)) as active:
        await active.active.wait()
        standby = make(lease=OpenLease(lease._gate), folder=tmp_path / "own")
        async with running(standby):
            end = await write_all_kinds(log)
            await rows_at(active, end)
            await status_is(standby, active=False, position=end)
            with pytest.raises(Unavailable, match="stands by"):
                await find(standby)
    assert rows(tmp_path / "own" / "readmodel-1.db") == rows(
        tmp_path / "projection" / "readmodel-1.db"
    )


@pytest.mark.nats
async def test_of_two_publishers_the_one_that_was_deposed_adds_nothing(
    make, log: MemoryLog, wire, events, *, tmp_path: Path
) -> None:
    """The deposed one does not know it yet: it goes on until it looks at its lease."""
    lease = OpenLease()
    publishers = [await EventsPublisher.open(wire) for _ in range(2)]
    histories = []
    first = make(lease=lease, publisher=publishers[0])
    async with running(first):
        histories.append(await finished(log, 1))
        await rows_at(first, histories[-1].position)
        second = make(
            lease=OpenLease(lease._gate), publisher=publishers[1], folder=tmp_path / "own"
        )
        async with running(second):
            lease._gate.release()  # another one may have it, and the first is not told
            await second.active.wait()
            histories += [await finished(log, number) for number in range(2, 30)]
            await rows_at(second, histories[-1].position)
            lease.held = False
            lease.lost.set()
            await first.standby.wait()
            histories.append(await finished(log, 30))
            await rows_at(second, histories[-1].position)
            await publishers[1].drained()
    wanted = [f"{it.workflow_id}/{v}" for it in histories for v in range(1, it.version + 1)]
    assert await events.ids() == wanted
    for publisher in publishers:
        await publisher.close()


class _SharedFolder(ReadModelFolder):
    shared = True


async def test_a_standby_of_a_shared_store_leaves_it_alone(
    make, log: MemoryLog, tmp_path: Path
) -> None:
    lease = OpenLease()
    shared = tmp_path / "shared"
    async with running(make(lease=lease, models=_SharedFolder(shared))) as active:
        await active.active.wait()
        standby = make(lease=OpenLease(lease._gate), models=_SharedFolder(shared))
        async with running(standby):
            await rows_at(active, (await finished(log, 1)).position)
            assert (await standby.status()).position == 0
            lease.take_away()
            await standby.active.wait()
            await rows_at(standby, (await finished(log, 2)).position)
            assert len(await names(standby)) == 2


class _Elsewhere:
    async def search(self, asked: SearchRequest) -> SearchPage:
        return SearchPage(total_hits=7, results=[])


async def test_a_gateway_beside_a_standby_asks_the_active_one(make, log: MemoryLog) -> None:
    lease = OpenLease()
    service: ProjectionService = make(lease=lease)
    near = NearestSearch(service, _Elsewhere())
    asked = SearchRequest(what="workflows")
    assert (await near.search(asked)).total_hits == 7
    async with running(service):
        await rows_at(service, (await finished(log, 1)).position)
        assert (await near.search(asked)).total_hits == 1
        lease.held = False  # it ran out, and nobody has noticed yet
        assert (await near.search(asked)).total_hits == 7
        lease.held = True
