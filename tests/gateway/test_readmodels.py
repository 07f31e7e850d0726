"""The read models over REST; what is done to them is tested with the projection."""

import aiohttp
import pytest

from firmus.gateway import service
from firmus.ports import (
    Comparison,
    ReadModelStatus,
    RebuildProgress,
    Stopped,
    StoredModel,
    TableComparison,
    Verify,
)
from firmus_contracts.errors import Refusal
from tests.gateway.client import Api
from tests.gateway.ports import World

SAME = TableComparison(table="workflows", rows=3, new_rows=3, digest="ab", new_digest="ab")
DONE = RebuildProgress(
    state="done", model=2, position=9, target=9, comparison=Comparison(position=9, tables=(SAME,))
)


class Models:
    """Read models that do what they are told at once, and remember it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def status(self) -> ReadModelStatus:
        return ReadModelStatus(
            active=True,
            instance="p1",
            position=9,
            published=9,
            current=StoredModel(model=2, size_bytes=4096),
            rebuild=DONE,
            stopped=[Stopped("w", 3, "unknown event")],
        )

    async def rebuild(self, verify: Verify = "report") -> RebuildProgress:
        self.asked.append(verify)
        return RebuildProgress(state="running", model=2)

    async def roll_back(self) -> RebuildProgress:
        raise Refusal("NOT_FOUND", "No read model from before is kept")

    async def drop_kept(self) -> None:
        self.asked.append("drop")


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
async def api(world: World, models: Models):
    listener = await service.start(world.ports(read_models=models), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()


async def test_the_status_tells_progress_and_what_a_comparison_came_to(api: Api) -> None:
    status = (await api.get("/admin/readmodel")).body
    assert (status["active"], status["instance"], status["position"]) == (True, "p1", 9)
    assert status["current"] == {"model": 2, "sizeBytes": 4096}
    assert status["rebuild"]["comparison"]["tables"][0]["newRows"] == 3
    assert status["stopped"] == [{"workflowId": "w", "position": 3, "problem": "unknown event"}]


async def test_a_rebuild_is_asked_for_with_what_differences_do(api: Api, models: Models) -> None:
    assert (await api.post("/admin/readmodel/rebuild")).body["state"] == "running"
    await api.post("/admin/readmodel/rebuild", verify="strict")
    assert (await api.delete("/admin/readmodel/kept")).status == 200
    assert models.asked == ["report", "strict", "drop"]


async def test_what_cannot_be_is_refused(api: Api) -> None:
    unknown = await api.post("/admin/readmodel/rebuild", verify="perhaps")
    assert (unknown.status, "verify" in unknown.body["message"]) == (400, True)
    assert (await api.post("/admin/readmodel/rollback")).status == 404
