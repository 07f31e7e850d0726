"""jq programs in processes of their own, within limits (spec 3.6.13)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.ports import ScriptResult, Unavailable

ENDLESS = "[range(1e12)] | length"


@pytest_asyncio.fixture
async def jq() -> AsyncIterator[JqScripts]:
    scripts = JqScripts(processes=2)
    yield scripts
    await scripts.close()


@pytest.mark.parametrize(
    ("program", "results"),
    [
        (".a", [[1, None]]),
        (".a[]", [1, None]),
        ("empty", []),
        ('"2024-01-02T00:00:00Z" | fromdateiso8601 | todate', ["2024-01-02T00:00:00Z"]),
        ('{b: .b, "é": (2.50 | floor)}', [{"b": "x", "é": 2}]),
        ("label $out | 1, break $out, 2", [1]),
        ("env, $ENV", [{}, {}]),
        ("[leaf_paths]", [[["a", 0], ["b"]]]),
    ],
)
async def test_a_program_gives_all_its_results(jq: JqScripts, program: str, results: Any) -> None:
    found = await jq.run("jq", program, {"a": [1, None], "b": "x"})
    assert found == ScriptResult(value=results)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (".[", "syntax error"),
        ("nosuch(1)", "nosuch/1 is not defined"),
        ('error("my own words")', "my own words"),
        (".b.c", "Cannot index string"),
        ("", "program not given"),
        ('import "passwd" as $x {search: "/etc"}; $x', "cannot load modules"),
        ('# words\n include "a"; .', "cannot load modules"),
        ("if", "syntax error"),
    ],
)
async def test_a_fault_is_told_in_jqs_words(jq: JqScripts, program: str, error: str) -> None:
    found = await jq.run("jq", program, {"b": "x"})
    assert found.error is not None
    assert error in found.error
    assert not found.timed_out


async def test_a_program_that_takes_too_long_is_cut_and_holds_up_nobody() -> None:
    jq = JqScripts(processes=2, time_limit_s=1.0)
    try:
        slow = asyncio.create_task(jq.run("jq", "def f: f; f", {}))
        assert (await jq.run("jq", "1 + 1", {})).value == [2]
        assert not slow.done()
        cut = await slow
        assert (cut.timed_out, cut.value) == (True, None)
        assert (await jq.run("jq", "1 + 1", {})).value == [2]
    finally:
        await jq.close()


async def test_a_program_that_takes_too_much_memory_fails_alone() -> None:
    jq = JqScripts(processes=1, memory_limit=96 << 20, time_limit_s=30.0)
    try:
        found = await jq.run("jq", ENDLESS, {})
        assert found.error is not None
        assert not found.timed_out
        assert (await jq.run("jq", "1 + 1", {})).value == [2]
    finally:
        await jq.close()


async def test_too_many_at_once_are_refused_not_piled_up() -> None:
    jq = JqScripts(processes=1, waiting_max=1)
    try:
        first = asyncio.create_task(jq.run("jq", "1", {}))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await jq.run("jq", "2", {})
        assert (await first).value == [1]
    finally:
        await jq.close()


async def test_each_language_has_its_engine(jq: JqScripts) -> None:
    javascript = QuickJsScripts(threads=1)
    both = Evaluators(javascript, jq)
    try:
        assert (await both.run("jq", ".n + 1", {"n": 1})).value == [2]
        assert (await both.run("javascript", "$.n + 1", {"n": 1})).value == 2
    finally:
        javascript.close()
