"""Sizes and codings of what goes over the wire, and pages of other origins."""

import functools
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from firmus.gateway import service
from firmus.gateway.compression import DamagedError, TooLargeError, is_wanted, unpack
from firmus.gateway.manners import Manners
from tests.gateway.client import Api
from tests.gateway.ports import World

zipped = functools.partial(gzip.compress, mtime=0)
"""The same bytes each time: they name tests."""
START = json.dumps({"name": "w", "input": {"x": 1}}).encode()


@asynccontextmanager
async def served(world: World, manners: Manners) -> AsyncIterator[Api]:
    listener = await service.start(world.ports(), host="127.0.0.1", port=0, manners=manners)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Api(session, listener.port)
    await listener.close()


async def test_a_body_that_is_too_large_is_413(world: World):
    async with served(world, Manners(body_bytes_max=100)) as api:
        answer = await api.post("/workflow", {"name": "x" * 100})

        async def in_pieces() -> AsyncIterator[bytes]:
            yield b"x" * 60
            yield b"x" * 60

        headers = {"content-type": "application/json"}
        path = f"{api.base}/api/workflow"
        async with api.session.post(path, data=in_pieces(), headers=headers) as chunked:
            assert (answer.status, chunked.status) == (413, 413)
        assert answer.body["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", zipped(START), 200),
        ("GZIP", zipped(START), 200),
        ("x-gzip", zipped(START), 200),
        ("identity", START, 200),
        ("", START, 200),
        ("gzip", START, 400),
        ("gzip", zipped(START)[:-4], 400),
        ("gzip", zipped(START) + b"more", 400),
        ("gzip", b"", 400),
        ("gzip", zipped(bytes(50_000_000)), 413),
        ("deflate", zlib.compress(START), 415),
        ("br", b"\x0b\x02", 415),
        ("gzip, gzip", zipped(zipped(START)), 415),
    ],
)
async def test_a_body_may_be_packed_with_gzip_and_nothing_else(
    world: World, coding: str, body: bytes, status: int
):
    async with served(world, Manners(body_bytes_max=1_000_000)) as api:
        await api.register("w", "a")
        answer = await api.post("/workflow", body, headers={"content-encoding": coding})

    assert answer.status == status, answer.body


def test_what_unpacks_to_more_than_the_limit_is_never_made():
    packed = zipped(bytes(1000))

    assert unpack(packed, 1000) == bytes(1000)
    with pytest.raises(TooLargeError):
        unpack(packed, 999)
    with pytest.raises(DamagedError):
        unpack(packed[:-1], 1000)


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        ("br, *", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("gzip;q=0.5", True),
        ("identity", False),
        ("", False),
    ],
)
def test_who_takes_gzip(accepted: str, wanted: bool):
    assert is_wanted(accepted) is wanted


async def test_large_answers_are_packed_for_who_takes_it(world: World):
    async with served(world, Manners(gzip_bytes_min=1000)) as api:
        await api.register("small", "a")
        await api.register("large", "a", description="x" * 70_000)
        path = f"{api.base}/api/metadata/workflow"
        asked = {"accept-encoding": "gzip, deflate"}

        async with api.session.get(f"{path}/large", headers=asked) as answer:
            packed = await answer.read()
            assert answer.headers["content-encoding"] == "gzip"
            assert answer.headers["vary"] == "Accept-Encoding"
            assert int(answer.headers["content-length"]) == len(packed) < 10_000
        async with api.session.get(f"{path}/large", headers={"accept-encoding": "br"}) as answer:
            assert await answer.read() == gzip.decompress(packed)
            assert "content-encoding" not in answer.headers
            assert answer.headers["vary"] == "Accept-Encoding"
        async with api.session.get(f"{path}/small", headers=asked) as answer:
            assert "content-encoding" not in answer.headers
            assert "vary" not in answer.headers


async def test_a_large_answer_of_the_short_way_is_packed_too(world: World):
    async with served(world, Manners(gzip_bytes_min=1000)) as api:
        await api.register("w", "a")
        await api.start("w", {"x": "y" * 5000})
        path = f"{api.base}/api/tasks/poll/batch/a?workerid=w"
        async with api.session.get(path, headers={"accept-encoding": "gzip"}) as answer:
            tasks = json.loads(gzip.decompress(await answer.read()))

    assert answer.headers["content-encoding"] == "gzip"
    assert tasks[0]["workflowType"] == "w"


async def test_pages_of_other_origins_may_not_call_unless_they_are_named(world: World):
    page, other = "https://ui.example", "https://other.example"
    asking = {"access-control-request-method": "PUT", "access-control-request-headers": "x-a"}
    answers = {}
    for named in ((), (page,), ("*",)):
        async with served(world, Manners(allowed_origins=named)) as api:
            for origin in (page, other):
                before = await api.call("OPTIONS", "/tasks", headers={"origin": origin, **asking})
                call = await api.get("/workflow/none", headers={"origin": origin})
                assert call.status == 404
                answers[named, origin] = before, call

    allowed = "access-control-allow-origin"
    for key, (before, call) in answers.items():
        wanted = {((page,), page): page, (("*",), page): "*", (("*",), other): "*"}.get(key)
        assert (before.headers.get(allowed), call.headers.get(allowed)) == (wanted, wanted)
        if wanted is not None:
            assert before.status == 204
            assert before.headers["access-control-allow-methods"] == "PUT"
            assert before.headers["access-control-allow-headers"] == "x-a"
        assert (call.headers.get("vary") == "Origin") is (key[0] != ())
