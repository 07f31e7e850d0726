"""The read model in use: who may use it beside whom."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from tests.projection.conftest import WAIT_S, until

from firmus.projection.cursors import RowsCursor
from firmus.projection.folder import ReadModelFolder
from firmus.projection.live import LiveModel
from firmus.projection.port import Found, RowBatch
from firmus.projection.query import compile_search
from firmus.projection.store import READERS, SqliteModel


class _SlowModel(SqliteModel):
    """Its searches end when `go` is set."""

    go = threading.Event()
    under_way = 0

    def find(self, *given: Any, **more: Any) -> Found:
        _SlowModel.under_way += 1
        self.go.wait(WAIT_S)
        return super().find(*given, **more)


class _SlowFolder(ReadModelFolder):
    def open(self, number: int) -> SqliteModel:
        return _SlowModel(self.file(number))


async def test_rows_are_written_beside_any_number_of_slow_searches(tmp_path: Path) -> None:
    live = LiveModel(_SlowFolder(tmp_path))
    live.use(await live.open(1))
    what = live.searchable["workflows"]
    plain = compile_search(what, query="", free_text="", sort="")
    searches = [asyncio.ensure_future(live.search(what, plain, start=0, size=1)) for _ in range(20)]
    try:
        await until("searches", lambda: _SlowModel.under_way >= READERS)
        async with asyncio.timeout(WAIT_S / 4):
            await live.write(RowBatch(cursor=RowsCursor(7)))
    finally:
        _SlowModel.go.set()
    assert {(await it).position for it in searches} == {7}
    await live.close()
    live.dispose()
