"""The projection is killed while it rebuilds, swaps and rolls back, whenever that may be."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest

from firmus.ports import ReadModelStatus, Unavailable
from firmus.projection.folder import ReadModelFolder
from firmus.transport.search import RemoteSearch
from firmus_contracts.errors import Refusal
from tests.e2e.system import Services
from tests.e2e.test_kill import SEED, reading, until
from tests.nats_server import NatsServer
from tests.projection.histories import finished

WORKFLOWS = 1_500
ROUNDS = 3
LONG_S = 0.6
"""About as long as a rebuild of so many takes."""
pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(240)]


class Projection:
    """One projection as a process, over a log that does not grow."""

    def __init__(self, services: Services, search: RemoteSearch, end: int) -> None:
        self._child = services.children["projection"]
        self._search = search
        self._end = end
        self.folder = services.system.data / "readmodel"

    async def settled(self) -> ReadModelStatus:
        """Its status once it shows the whole log and nothing is under way."""
        found: list[ReadModelStatus] = []

        async def there() -> bool:
            with suppress(Unavailable):
                now = await self._search.status()
                busy = now.rebuild is not None and now.rebuild.state == "running"
                at = min(now.position, now.published)
                if now.active and now.current is not None and at >= self._end and not busy:
                    found.append(now)
            return bool(found)

        await until("a projection at the end", there)
        return found[-1]

    async def killed_while(self, work: str, after_s: float) -> None:
        with suppress(Refusal):
            await (self._search.roll_back() if work == "rollback" else self._search.rebuild())
        await asyncio.sleep(after_s)
        self._child.kill()
        models = ReadModelFolder(self.folder)
        assert models.current() is not None
        self._child.start()
        status = await self.settled()
        assert len(list(self.folder.glob("readmodel-*.db"))) == 1 + (status.kept is not None)

    async def check(self) -> None:
        """What is in use is what the log says."""
        await self._search.rebuild("strict")
        status = await self.settled()
        assert status.rebuild is not None
        assert (status.rebuild.state, status.rebuild.problem) == ("done", "")
        assert status.rebuild.comparison is not None
        assert [it.new_rows for it in status.rebuild.comparison.tables[:2]] == [WORKFLOWS] * 2


async def test_whatever_is_cut_off_leaves_a_model_that_is_right(
    own_server: NatsServer, tmp_path: Path
) -> None:
    picks = random.Random(SEED)
    services = Services(tmp_path, own_server.url, roles=("projection",))
    async with reading(own_server.url) as (connection, log):
        await asyncio.gather(*(finished(log, number) for number in range(WORKFLOWS)))
        projection = Projection(services, RemoteSearch(connection), await log.end())
        services.start()
        try:
            await projection.settled()
            await projection.check()
            for _ in range(ROUNDS):
                for work in ("rebuild", "rollback"):
                    await projection.killed_while(work, picks.uniform(0, LONG_S))
            await projection.check()
        except BaseException:
            print(services.said())
            raise
        finally:
            services.stop()
