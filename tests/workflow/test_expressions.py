"""Rules of expressions that no recording shows (spec 2.3-2.5, 2.9)."""

from typing import Any

import pytest

from firmus.workflow.expressions import (
    Values,
    bodies,
    case_text,
    compile_path,
    compile_template,
    function_body,
    merge_workflow_input,
    references,
    resolve,
    task_input,
    text_of,
    truthy,
)

NO_PATHS = [
    "",
    "workflow.input.[",
    "a.",
    "a..",
    "a b",
    "l[::2]",
    "l[0:4:2]",
    "l[:]",
    "l[]",
    "l[x]",
    "l['a]",
    "l['a'",
    "l[?(@.a ==)]",
    "l[?(@.a == 1]",
    "l[?(@.a near 1)]",
    "l[?(@.a =~ /(/)]",
    "l[?@.a]",
    "l.nosuch()",
    "l.length(",
    "$x",
    "l[?(" + "!(" * 100_000,
]
FILTERED: dict[str, list[Any]] = {
    "@.q == '3'": [3, "3"],
    "@.q == 3": [3, "3"],
    "@.q === 3": [3],
    "@.q !== 3": ["3", [1, 2], None, True, 1],
    "@.q == null": [None],
    "@.q == true": [True],
    "@.q nin [3, true]": [[1, 2], None, 1],
    "@.q size 2": [[1, 2]],
    "@.q empty false": ["3", [1, 2]],
    "@.q contains 2": [[1, 2]],
    "@.q subsetof [1, 2, 3]": [[1, 2]],
    "@.q anyof [2, 9]": [[1, 2]],
    "@.q noneof [9]": [[1, 2]],
    "@.q.length() > 1": [[1, 2]],
    "@.q > 1": [3],
    "@.q < '4'": ["3"],
    "@.q == $.limit": [3, "3"],
    "(@.q == 1 || @.q == 3) && !(@.q == '3')": [1],
    "@['q'][0] == 1": [[1, 2]],
    "@.q =~ /[0-9]/": [3, "3", [1, 2], 1],
    "@.none": [],
    "@.none == null": [3, "3", [1, 2], None, True, 1],
    "@.none != null": [],
}
NUMBERS_AS_TEXT = {
    2.0: "2.0",
    7: "7",
    10**25: "10000000000000000000000000",
    1e7: "1.0E7",
    123456789.125: "1.23456789125E8",
    1e-7: "1.0E-7",
    0.001: "0.001",
    -1.5e300: "-1.5E300",
    0.1: "0.1",
}


def found(template: Any, document: dict[str, Any], **more: Any) -> Any:
    return resolve(compile_template(template), Values(document, **more))


@pytest.mark.parametrize("text", NO_PATHS, ids=lambda text: text[:20])
def test_2_4_what_is_no_path_does_not_compile_and_resolves_to_null(text: str) -> None:
    with pytest.raises(ValueError):
        compile_path(text)
    if "}" not in text and text:
        assert found(f"${{{text}}}", {"l": [1]}) is None


@pytest.mark.parametrize("condition", FILTERED)
def test_2_4_filters_compare_loosely(condition: str) -> None:
    items = [{"q": q} for q in (3, "3", [1, 2], None, True, 1)]
    document = {"items": items, "limit": 3}
    got = [hit["q"] for hit in compile_path(f"items[?({condition})]").find(Values(document))]
    assert [(type(q), q) for q in got] == [(type(q), q) for q in FILTERED[condition]]


def test_2_4_a_path_with_a_slow_regular_expression_finds_nothing_instead_of_stopping_everything() -> (
    None
):
    path = compile_path("l[?(@.n =~ /(a|aa)+?(a|b|ab)*?(a*a*)*b/)].n")
    assert path.find(Values({"l": [{"n": "ab"}, {"n": "c"}]})) == ["ab"]
    assert path.find(Values({"l": [{"n": "ab"}, *[{"n": "a" * 64}] * 10_000]})) == []


@pytest.mark.parametrize(
    ("path", "definite", "root"),
    [
        ("t.output.x[0]", True, "t"),
        ("$.t['a','b']", True, "t"),
        ("['task 2'].output", True, "task 2"),
        ("my-task.output.1.a", True, "my-task"),
        ("t[*].x", False, "t"),
        ("t[*].x.length()", False, "t"),
        ("$..x", False, None),
        ("$", True, None),
    ],
)
def test_2_4_a_path_knows_its_root_and_whether_it_is_definite(
    path: str, definite: bool, root: str | None
) -> None:
    compiled = compile_path(path)
    assert (compiled.definite, compiled.root) == (definite, root)


def test_2_4_a_path_may_start_with_a_scan_or_be_the_document() -> None:
    document = {"t": {"a": {"v": 1}, "b": [{"v": 2}]}}
    assert found("${$..v}", document) == [1, 2]
    assert found("${$}", document) == document
    assert found("${$.*.a.v}", document) == [1]
    assert found("${t[*].v.nope.x}", document) == []


@pytest.mark.parametrize("body", ["", "  "])
def test_2_3_4_an_empty_body_is_the_empty_text(body: str) -> None:
    assert found(f"${{{body}}}", {}) == ""
    assert found(f"<${{{body}}}>", {}) == "<>"


def test_2_3_5_an_escape_in_a_value_stays_as_it_is() -> None:
    document = {"v": "$${y}"}
    assert found("x ${v}", document) == "x $${y}"
    assert found("${v}", document) == "$${y}"


def test_2_3_5_an_expression_inside_an_escaped_one_is_resolved() -> None:
    assert found("$${a.${v}}", {"v": "b"}) == "${a.b}"


def test_2_3_2_deep_nesting_and_unclosed_expressions_cost_no_more_than_their_length() -> None:
    assert found("${a" * 50_000, {"a": 1}) == "${a" * 50_000
    assert found("${a." * 20 + "${k}" + "}" * 20, {"k": "x"}) is None
    assert found("<" + "${" * 5000 + "k" + "}" * 5000, {"k": "k"}) == "<null"


def test_2_4_the_task_id_is_known_while_a_task_is_scheduled() -> None:
    assert found({"l": ["${CPEWF_TASK_ID}"]}, {}, task_id="id-1") == {"l": ["id-1"]}
    assert found("task-${CPEWF_TASK_ID}", {}, task_id="id-1") == "task-id-1"


def test_2_4_only_listed_values_of_the_environment_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HIDDEN", "hush")
    listed = {"REGION": "eu", "SETTINGS": '{"a": {"b": [1, 2]}}', "NETFLIX_STACK": "prod"}
    template = [
        "${HIDDEN}",
        "${workflow.env.HIDDEN}",
        "${REGION}",
        "in ${workflow.env.REGION}",
        "${workflow.env.SETTINGS.a.b[1]}",
        "${workflow.env.REGION.a}",
        "${NETFLIX_STACK}",
    ]
    assert found(template, {}, environment=listed) == [None, None, "eu", "in eu", 2, None, "prod"]


def test_2_7_a_secret_stays_literal_with_its_inner_expression_resolved() -> None:
    assert found("${workflow.secrets.${n}}", {"n": "KEY"}) == "${workflow.secrets.KEY}"


def test_2_3_6_a_template_without_expressions_is_handed_out_uncopied() -> None:
    value = {"a": [1, {"b": "plain"}], "c": "${t}"}
    resolved = found(value, {"t": 1})
    assert resolved == {"a": [1, {"b": "plain"}], "c": 1}
    assert resolved["a"] is value["a"]
    assert value["c"] == "${t}"


@pytest.mark.parametrize("number", NUMBERS_AS_TEXT, ids=str)
def test_2_3_3_numbers_read_as_java_prints_them(number: float) -> None:
    assert text_of(number) == NUMBERS_AS_TEXT[number]


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1}, {"a": None, "b": True, "c": 2.5, "d": "x, y", "": 10**30, "e": 1e7}],
)
def test_2_3_3_an_object_reads_the_same_alone_and_inside(value: dict[str, Any]) -> None:
    assert text_of([value]) == f"[{text_of(value)}]"


def test_2_3_3_text_of_a_deep_value_needs_no_deep_stack() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = [deep]
    assert text_of(deep) == "[" * 20_000 + "1" + "]" * 20_000


@pytest.mark.parametrize(
    ("given", "template", "result"),
    [
        (
            {"url": "mine", "extra": True},
            {"url": "default", "n": 3},
            {"url": "mine", "extra": True, "n": 3},
        ),
        (
            {"b": False, "n": 0, "s": "", "l": []},
            {"b": True, "n": 5, "s": "x", "l": [1]},
            {"b": False, "n": 0, "s": "", "l": []},
        ),
        (
            {"a": "${in.none}", "b": "${in.null}", "c": None, "d": "${in.none}"},
            {"a": "A", "b": {"d": 1}, "c": "C"},
            {"a": "A", "b": {"d": 1}, "c": "C", "d": None},
        ),
        (
            {"b": "${in.none}"},
            {"a": "${in.x}", "b": "${in.x}", "n": {"deep": ["${in.x}"]}},
            {"a": "given", "b": "${in.x}", "n": {"deep": ["given"]}},
        ),
        ({}, {"gone": "${in.none}"}, {"gone": "${in.none}"}),
        ({"c": None}, {"c": "<${in.x}>"}, {"c": "<given>"}),
        ({"a": 1}, None, {"a": 1}),
    ],
)
def test_2_5_a_task_definitions_template_fills_what_is_absent_or_null(
    given: dict[str, Any], template: dict[str, Any] | None, result: dict[str, Any]
) -> None:
    scope = Values({"in": {"x": "given", "null": None}})
    assert task_input(compile_template(given), template, scope) == result
    compiled = None if template is None else compile_template(template)
    assert task_input(compile_template(given), compiled, scope) == result


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"a": "mine"}, {"a": "mine", "b": "${workflow.input.a}"}),
        ({"a": None}, {"a": "A", "b": "${workflow.input.a}"}),
        ({"a": False, "o": 1}, {"a": False, "o": 1, "b": "${workflow.input.a}"}),
        ({}, {}),
        (None, {}),
    ],
)
def test_2_5_a_workflows_template_fills_what_is_absent_or_null_unless_the_input_is_empty(
    given: dict[str, Any] | None, result: dict[str, Any]
) -> None:
    assert merge_workflow_input({"a": "A", "b": "${workflow.input.a}"}, given) == result


def test_2_9_only_true_and_positive_numbers_are_true() -> None:
    assert [
        v for v in (True, 1, 0.5, False, 0, -1, "yes", "true", [1], {}, {"a": 1}, None) if truthy(v)
    ] == [True, 1, 0.5]


def test_3_6_3_a_switch_value_as_text() -> None:
    values = [None, True, False, 1, 1.5, "x", "", [1, "a"], {"a": 1}]
    assert [case_text(v) for v in values] == [
        "null",
        "true",
        "false",
        "1",
        "1.5",
        "x",
        "",
        "[1, a]",
        "{a=1}",
    ]


def test_3_6_12_a_lambda_script_keeps_its_line_numbers_and_may_end_in_a_comment() -> None:
    assert function_body("return 1; // one") == "(function () {return 1; // one\n})()"


def test_1_3_references_are_the_first_names_of_all_expressions() -> None:
    value = {
        "a": ["${t1.output.x} ${workflow.input.y}", {"b": "${['task 2'].output.${t3.output.k}}"}],
        "c": "${CPEWF_TASK_ID} $${no.x} ${}",
        "d": 1,
    }
    assert references(value) == {"t1", "workflow", "task 2", "t3"}
    assert references("${['task 2'].output.v}") == {"task 2"}
    assert references("${t4.output.${t5.output.k}}") == {"t4", "t5"}
    assert sorted(bodies("${a.${b.c}} ${ d }")) == [" d ", "a.${b.c}", "b.c"]
