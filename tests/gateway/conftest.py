from collections.abc import AsyncIterator

import aiohttp
import pytest

from firmus.gateway import service
from tests.gateway.client import Api
from tests.gateway.lines import Line, connected
from tests.gateway.ports import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()


@pytest.fixture
async def line(api: Api) -> AsyncIterator[Line]:
    async with connected(int(api.base.rpartition(":")[2])) as found:
        yield found
