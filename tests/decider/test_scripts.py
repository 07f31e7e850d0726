"""JavaScript evaluation (spec 2.9): what scripts see, what comes back, what stops them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from firmus.decider.scripts import QuickJsScripts
from firmus.ports import ScriptResult, Unavailable
from firmus.workflow.expressions import case_text, function_body, truthy

DATA = {
    "n": 1,
    "f": 2.5,
    "s": "str",
    "t": True,
    "nil": None,
    "l": [3, 1, 2],
    "o": {"a": 1, "b": {"c": [1, 2]}},
    "people": [{"name": "ann", "age": 31}, {"name": "bob", "age": 17}],
}
RECORDED: dict[str, Any] = {
    "1 + 1": 2,
    "4 / 2": 2,
    "1 / 4": 0.25,
    "2 ** 40": 1099511627776,
    "-7": -7,
    "'text'": "text",
    "''": "",
    "1 > 2": False,
    "3 + 'x'": "3x",
    "Math.max(1, 2.5)": 2.5,
    "undefined": None,
    "$.gone": None,
    "$.nil": None,
    "(function(){ })()": None,
    "[1, undefined, null]": [1, None, None],
    "({a: undefined, b: null})": {"a": None, "b": None},
    "[]": [],
    "({})": {},
    "[1, 'a', [true, {k: []}]]": [1, "a", [True, {"k": []}]],
    "JSON.stringify({a: [1]})": '{"a":[1]}',
    "(() => 5)()": 5,
    "function f(x) { return x * 2; } f($.n)": 2,
    "var a = 1; var b = 2; a + b": 3,
    "let x = 3; x": 3,
    "if ($.n == 1) { 'one' } else { 'other' }": "one",
    "for (var i = 0, s = 0; i < 4; i++) { s += i; } s": 6,
    "$.n + $.f": 3.5,
    "$['s'] + $.n": "str1",
    "$.o.b.c[1]": 2,
    "$.l.length": 3,
    "$.people.filter(p => p.age > 18).map(p => p.name)": ["ann"],
    "$.o": {"a": 1, "b": {"c": [1, 2]}},
    "$.l.slice().sort()": [1, 2, 3],
    "[...$.l, 9]": [3, 1, 2, 9],
    "typeof fetch": "undefined",
}
CONVERTED: dict[str, Any] = {
    "NaN": "NaN",
    "[1/0, -1/0]": ["Infinity", "-Infinity"],
    "3.0": 3,
    "2 ** 53": 2.0**53,
    "1e21": 1e21,
    "10n ** 30n": 10**30,
    "(x => x)": {},
    "Symbol('s')": {},
    "new Uint8Array([1, 2])": [1, 2],
    "[new Number(1.5), new String('s'), new Boolean(false)]": [1.5, "s", False],
    "new Array(3)": [None, None, None],
    "'\\ud800'": "\N{REPLACEMENT CHARACTER}",
    "'x'.repeat(30000) + 'y'.repeat(30000) == 1 ? 0 : ('x'.repeat(20000) + $.s).length": 20003,
    "JSON.stringify = null; Array.isArray = () => true; ({a: [1]})": {"a": [1]},
    "Object.keys($.o)": ["a", "b"],
    "JSON.stringify($.o)": '{"a":1,"b":{"c":[1,2]}}',
}
FAULTS = {
    "throw new Error('boom ' + $.n)": "Error evaluating the script `Error: boom 1` at line 1",
    "$.gone.deeper": "Error evaluating the script `TypeError: Cannot read property 'deeper' of undefined` at line 1",
    "\n\n$.nil.deep": "Error evaluating the script `TypeError: Cannot read property 'deep' of null` at line 3",
    "nosuch": "Error evaluating the script `ReferenceError: nosuch is not defined` at line 1",
    "throw 'text'": "Error evaluating the script `text`",
    "console.log('x')": "Error evaluating the script `ReferenceError: console is not defined` at line 1",
    "const o = {}; o.o = o; o": "Error evaluating the script `TypeError: the result contains itself`",
}
FAILING = [
    "1 +",
    "return 5",
    "$.s.nosuch()",
    "print('x')",
    "Java.type('java.lang.System')",
    "load('x.js')",
    "require('fs')",
    "process.exit(1)",
    "import('fs').then(1) + nosuch",
    "let a = []; for (let i = 0; i < 100000; i++) a = [a]; a",
    "(function f() { f(); })()",
    "Object.defineProperty(Array.prototype, 0, {set() {}}); ({a: 1})",
    "throw {get stack() { throw 1; }, toString() { throw 2; }}",
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
]
ENDLESS = [
    "while (true) { }",
    "try { while (true) { } } catch (e) { 'caught' } finally { 'done' }",
    "throw {toString() { while (true) { } }}",
    "({get a() { while (true) { } }})",
    "/(a+)+$/.test('a'.repeat(64) + 'b')",
    "Error.prepareStackTrace = () => { while (true) { } }; nosuch",
]


@pytest.fixture(scope="module")
def scripts() -> Iterator[QuickJsScripts]:
    pool = QuickJsScripts(memory_limit=16 << 20)
    yield pool
    pool.close()


async def run(
    scripts: QuickJsScripts, code: str, scope: dict[str, Any] | None = None
) -> ScriptResult:
    return await scripts.run("javascript", code, DATA if scope is None else scope)


@pytest.mark.parametrize("code", RECORDED)
async def test_2_9_results_are_those_of_conductor(scripts: QuickJsScripts, code: str) -> None:
    result = await run(scripts, code)
    assert (result.value, result.error, result.timed_out) == (RECORDED[code], None, False)


@pytest.mark.parametrize("code", CONVERTED, ids=lambda code: code[:30])
async def test_2_9_every_value_becomes_json(scripts: QuickJsScripts, code: str) -> None:
    result = await run(scripts, code)
    assert (result.value, type(result.value), result.error) == (
        CONVERTED[code],
        type(CONVERTED[code]),
        None,
    )


async def test_2_9_minus_zero_is_a_fraction(scripts: QuickJsScripts) -> None:
    assert repr((await run(scripts, "-0")).value) == "-0.0"


@pytest.mark.parametrize("code", FAULTS)
async def test_2_9_a_fault_is_told_in_conductors_words(scripts: QuickJsScripts, code: str) -> None:
    result = await run(scripts, code)
    assert (result.error, result.value, result.timed_out) == (FAULTS[code], None, False)


@pytest.mark.parametrize("code", FAILING, ids=lambda code: code[:30])
async def test_2_9_whatever_fails_is_an_error_in_the_result(
    scripts: QuickJsScripts, code: str
) -> None:
    result = await run(scripts, code)
    assert result.error is not None
    assert result.error.startswith("Error evaluating the script `")
    assert not result.timed_out


async def test_2_9_the_memory_of_a_script_is_limited(scripts: QuickJsScripts) -> None:
    result = await run(scripts, "const a = []; while (true) a.push(new Array(1000).fill('x'))")
    assert result.error is not None
    assert "out of memory" in result.error


async def test_2_9_a_script_changes_a_copy_and_leaves_nothing_behind(
    scripts: QuickJsScripts,
) -> None:
    scope = {"o": {"a": 1}}
    changed = await run(
        scripts,
        "globalThis.left = 1; Object.prototype.left = 1; $.o.a = 99; $.more = true; $.o",
        scope,
    )
    assert changed.value == {"a": 99}
    assert scope == {"o": {"a": 1}}
    after = await asyncio.gather(
        *(run(scripts, "[typeof left, $.o.a, ({}).left]", scope) for _ in range(16))
    )
    assert [result.value for result in after] == [["undefined", 1, None]] * 16


async def test_2_9_large_integers_handed_on_stay_exact(scripts: QuickJsScripts) -> None:
    first, second = 9007199254740993, 9007199254740992
    scope = {
        "id": first,
        "list": [second, first, -(2**63), 10**25],
        "text": "1234567890123456789",
        "f": 1.5e300,
    }
    handed_on = await run(
        scripts,
        "({id: $.id, list: $.list.map(x => x), text: $.text, f: $.f, big: `${$.id}`})",
        scope,
    )
    assert handed_on.value == {
        "id": first,
        "list": scope["list"],
        "text": scope["text"],
        "f": 1.5e300,
        "big": str(first),
    }
    compared = await run(
        scripts,
        "[$.list.indexOf($.id), $.list[1] === $.id, $.id > 5, $.id - 1, JSON.stringify($.list[0])]",
        scope,
    )
    assert compared.value == [1, True, True, 9007199254740991, str(second)]


@pytest.mark.parametrize("code", ENDLESS, ids=lambda code: code[:30])
async def test_2_9_a_script_that_does_not_end_is_cut(code: str) -> None:
    scripts = QuickJsScripts(time_limit_s=0.05, threads=1)
    result = await run(scripts, code)
    assert result == ScriptResult(
        error="Script not evaluated within 0.05 seconds, interrupted.", timed_out=True
    )
    scripts.close()


async def test_2_9_a_slow_script_delays_only_its_own_caller() -> None:
    scripts = QuickJsScripts(time_limit_s=2, threads=2)
    slow = asyncio.create_task(run(scripts, "while (true) { }"))
    quick = [(await run(scripts, f"{n}")).value for n in range(20)]
    assert quick == list(range(20))
    assert not slow.done()
    assert (await slow).timed_out
    scripts.close()


async def test_2_9_the_limit_counts_from_the_moment_a_script_runs() -> None:
    scripts = QuickJsScripts(time_limit_s=0.2, threads=1)
    results = await asyncio.gather(
        run(scripts, "while (true) { }"), *(run(scripts, f"{n}") for n in range(3))
    )
    assert [result.timed_out for result in results] == [True, False, False, False]
    scripts.close()


async def test_too_many_waiting_scripts_are_refused_not_piled_up() -> None:
    scripts = QuickJsScripts(time_limit_s=0.2, threads=1, waiting_max=2)
    under_way = [asyncio.create_task(run(scripts, "while (true) { }")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await run(scripts, "1")
    await asyncio.gather(*under_way)
    scripts.close()


@pytest.mark.parametrize("evaluator", ["cobol", "value-param", "python", ""])
async def test_3_6_3_an_evaluator_that_there_is_not(
    scripts: QuickJsScripts, evaluator: str
) -> None:
    result = await scripts.run(evaluator, "1", {})
    assert result.error == f"No evaluator registered for type: {evaluator}"


async def test_2_9_graaljs_is_javascript(scripts: QuickJsScripts) -> None:
    assert (await scripts.run("graaljs", "$.n + 1", DATA)).value == 2


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.5, "1.5"),
        (2.0, "2"),
        ("x", "x"),
        ("TRUE", "TRUE"),
    ],
)
async def test_3_6_3_the_case_that_a_script_selects(
    scripts: QuickJsScripts, given: Any, text: str
) -> None:
    assert case_text((await run(scripts, "$.v", {"v": given})).value) == text


@pytest.mark.parametrize(
    ("condition", "goes_on"),
    [
        ("$.i < 2", True),
        ("0", False),
        ("2 - $.i", True),
        ("-1", False),
        ("'true'", False),
        ("null", False),
        ("[1]", False),
        ("({})", False),
    ],
)
async def test_2_9_conditions_are_true_or_above_zero(
    scripts: QuickJsScripts, condition: str, goes_on: bool
) -> None:
    assert truthy((await run(scripts, condition, {"i": 1})).value) is goes_on


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("if ($.n == 1) { return {big: false}; } return 2;", {"big": False}),
        ("$.n + 1", None),
        ("return;", None),
        ("return 5 // five", 5),
    ],
)
async def test_3_6_12_a_lambda_returns_its_result(
    scripts: QuickJsScripts, script: str, value: Any
) -> None:
    assert (await run(scripts, function_body(script))).value == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$.list.size()", 3),
        ("$.list.get(1)", 1),
        ("$.list.get(9)", None),
        ("$.list.contains(2)", True),
        ("$.list.isEmpty()", False),
        ("$.map.get('k')", 1),
        ("$.map.get('no')", None),
        ("$.map.getOrDefault('no', 7)", 7),
        ("$.map.containsKey('k')", True),
        ("$.map.containsKey('toString')", False),
        ("$.map.containsValue(1)", True),
        ("$.map.size() + $.size()", 4),
        ("$.map.isEmpty()", False),
        ("$.map.keySet()", ["k", "z"]),
        ("$.map.entrySet().map(e => e.getKey() + '=' + e.value)", ["k=1", "z=2"]),
        ("$.get('list').size()", 3),
        ("[Object.keys($.map).join(), JSON.stringify($.map), $.map.size()]",
         ["k,z", '{"k":1,"z":2}', 2]),
        ("let keys = []; for (const key in $.map) keys.push(key); [keys, $.map.size()]",
         [["k", "z"], 2]),
        ("$.named.size", 5),
    ],
)  # fmt: skip
async def test_java_style_accessors_answer_beside_real_objects(
    expression: str, value: object
) -> None:
    scripts = QuickJsScripts(threads=1)
    scope = {"list": [3, 1, 2], "map": {"k": 1, "z": 2}, "named": {"size": 5}}
    scope_of_two = {"list": scope["list"], "map": scope["map"]}
    result = await scripts.run(
        "javascript", expression, scope if "named" in expression else scope_of_two
    )
    scripts.close()

    assert (result.error, result.value) == (None, value)
