"""What Conductor 3.32.3 was recorded to find for a path, an expression, a template (spec 2.3-2.5)."""

from typing import Any

import pytest

from firmus.workflow.expressions import Values, compile_template, resolve

PEOPLE = [
    {"name": "ann", "age": 31, "tags": ["x", "y"]},
    {"name": "bob", "age": 17, "admin": True},
    {"name": "cyd", "age": 64, "admin": False, "tags": []},
]
NESTED = {"l": [10, 20, 30], "m": [[1, 2], [3, 4]], "o": [{"k": [{"v": "deep"}]}], "s": "text"}
FOUR = {"l": [10, 20, 30, 40]}
MANY = {"people": PEOPLE, "limit": 18, "m": {"a": {"v": 1}, "b": {"v": 2}}}
ODD_KEYS = {
    "a.b": 1,
    "a b": 2,
    "plain": {"in": 3},
    "x": {"y.z": {"k": 4}},
    "it's": 5,
}
NUMBERS = {"n": [3, 1, 2], "o": {"a": 1, "b": 2}, "l": ["x", "y"]}
TWO_ADMINS = [True, False]

PATHS: list[tuple[dict[str, Any], str, Any]] = [
    (NESTED, "l[0]", 10),
    (NESTED, "l[2]", 30),
    (NESTED, "l[-1]", 30),
    (NESTED, "l[-3]", 10),
    (NESTED, "l[3]", None),
    (NESTED, "m[1][0]", 3),
    (NESTED, "o[0].k[0].v", "deep"),
    (NESTED, "o[0].k[1].v", None),
    (NESTED, "s[0]", None),
    (NESTED, "l.length()", 3),
    (NESTED, "o.k", None),
    (FOUR, "l[0:2]", [10, 20]),
    (FOUR, "l[1:]", [20, 30, 40]),
    (FOUR, "l[:-1]", [10, 20, 30]),
    (FOUR, "l[-2:]", [30, 40]),
    (FOUR, "l[0,3]", [10, 40]),
    (FOUR, "l[2:2]", []),
    (FOUR, "l[3:9]", [40]),
    (MANY, "people[*].name", ["ann", "bob", "cyd"]),
    (MANY, "people[*].tags", [["x", "y"], []]),
    (MANY, "people[*].tags[*]", ["x", "y"]),
    (MANY, "people[*].admin", TWO_ADMINS),
    (MANY, "people[*].nope", []),
    (MANY, "m.*", [{"v": 1}, {"v": 2}]),
    (MANY, "m.*.v", [1, 2]),
    (MANY, "..v", [1, 2]),
    (MANY, "..name", ["ann", "bob", "cyd"]),
    (MANY, "nope[*]", []),
    (MANY, "nope..x", []),
    (MANY, "people[?(@.age > 18)].name", ["ann", "cyd"]),
    (MANY, "people[?(@.age >= 17 && @.age < 60)].name", ["ann", "bob"]),
    (MANY, "people[?(@.age < 18 || @.name == 'cyd')].name", ["bob", "cyd"]),
    (MANY, "people[?(@.admin)].name", ["bob", "cyd"]),
    (MANY, "people[?(!@.admin)].name", ["ann"]),
    (MANY, "people[?(@.admin == true)].name", ["bob"]),
    (MANY, "people[?(@.name in ['ann', 'cyd'])].age", [31, 64]),
    (MANY, "people[?(@.name =~ /[AB].*/i)].name", ["ann", "bob"]),
    (MANY, "people[?(@.name == 'zoe')]", []),
    (MANY, "people[?(@.name != 'bob')].age", [31, 64]),
    (ODD_KEYS, "['a.b']", 1),
    (ODD_KEYS, '["a.b"]', 1),
    (ODD_KEYS, "['a b']", 2),
    (ODD_KEYS, "a.b", None),
    (ODD_KEYS, "['plain'].in", 3),
    (ODD_KEYS, "plain['in']", 3),
    (ODD_KEYS, "['plain']['in']", 3),
    (ODD_KEYS, "x['y.z'].k", 4),
    (ODD_KEYS, "['a b','a.b']", {"a b": 2, "a.b": 1}),
    (ODD_KEYS, "['it\\'s']", 5),
    (ODD_KEYS, "['none']", None),
    (NUMBERS, "n.length()", 3),
    (NUMBERS, "n.sum()", 6),
    (NUMBERS, "n.min()", 1),
    (NUMBERS, "n.max()", 3),
    (NUMBERS, "n.avg()", 2),
    (NUMBERS, "o.keys()", ["a", "b"]),
    (NUMBERS, "o.length()", 2),
    (NUMBERS, "l.first()", "x"),
    (NUMBERS, "l.last()", "y"),
    (NUMBERS, "l.size()", 2),
    (NUMBERS, "n.sum().x", 6),
    (NUMBERS, "l.sum()", None),
    (NESTED, "m[*].length()", [2, 2]),
    (NESTED, "m[*].sum()", [3, 7]),
    (NESTED, "m[0:1].max()", [2]),
    (NESTED, "m[*].first()", [1, 3]),
    (NESTED, "m[*].keys()", [None, None]),
    (NESTED, "m[*][0].sum()", None),
    (NESTED, "l[*].sum()", None),
    (NESTED, "l[0:2].length()", [None, None]),
    (NESTED, "m..length()", []),
    (MANY, "people[?(@.age > 18)].length()", [3, 4]),
    (MANY, "people[?(@.age > 99)].age.sum()", []),
    (MANY, "people[?(@.tags)].name", ["ann", "cyd"]),
    (MANY, "people[?(@.tags[*])].name", ["ann", "cyd"]),
    (MANY, "people[?(@..city)].name", ["ann", "bob", "cyd"]),
    (MANY, "people[?(@.admin == null)].name", ["ann"]),
    (MANY, "people[?(@.admin != null)].name", ["bob", "cyd"]),
    (MANY, " people[0].name", None),
    (MANY, "people[0].name ", "ann"),
]

KINDS = {
    "text": "abc",
    "int": 7,
    "float": 2.5,
    "yes": True,
    "no": False,
    "nothing": None,
    "list": [1, "two", None],
    "object": {"a": {"b": 1}},
    "empty_text": "",
    "empty_list": [],
    "empty_object": {},
    "zero": 0,
    "negative": -4,
}
TEXTS = {
    "<${workflow.input.text}>": "<abc>",
    "<${workflow.input.int}>": "<7>",
    "<${workflow.input.float}>": "<2.5>",
    "<${workflow.input.yes}>": "<true>",
    "<${workflow.input.no}>": "<false>",
    "<${workflow.input.nothing}>": "<null>",
    "<${workflow.input.empty_text}>": "<>",
    "<${workflow.input.zero}>": "<0>",
    "<${workflow.input.negative}>": "<-4>",
    "<${workflow.input.not_there}>": "<null>",
    "${workflow.input.text}${workflow.input.int}": "abc7",
    "${workflow.input.int}/${workflow.input.float} of ${workflow.input.int}": "7/2.5 of 7",
    " ${workflow.input.int}": " 7",
    "${workflow.input.int} ": "7 ",
    "{${workflow.input.int}}": "{7}",
    "'${workflow.input.text}'": "'abc'",
    "l=${workflow.input.list}": "l=[1, two, null]",
    "o=${workflow.input.object}": "o={a={b=1}}",
    "${workflow.input.empty_list}${workflow.input.empty_object}": "[]{}",
    "a${workflow.input.gone}b": "anullb",
    "$${workflow.input.int}": "${workflow.input.int}",
    "cost: $${workflow.input.int}!": "cost: ${workflow.input.int}!",
    "$${workflow.input.int} is ${workflow.input.int}": "${workflow.input.int} is 7",
    "$${a b}": "${a b}",
    "$": "$",
    "$5": "$5",
    "{}": "{}",
    '{"a": {}}': '{"a": {}}',
    "${workflow.input.int": "${workflow.input.int",
    "$workflow.input.int": "$workflow.input.int",
    "}${workflow.input.int}{": "}7{",
    "100%": "100%",
    "^a$": "^a$",
    "1-${workflow.secrets.NO_SUCH}": "1-${workflow.secrets.NO_SUCH}",
    "${workflow.secrets.NO_SUCH.a.b}": "${workflow.secrets.NO_SUCH.a.b}",
    "<${workflow.env.NO_SUCH}>": "<null>",
    "${workflow.input.int}-${NETFLIX_STACK}": "7-${NETFLIX_STACK}",
    "${NETFLIX_STACK}": "${NETFLIX_STACK}",
    "env=${NETFLIX_ENV}!": "env=${NETFLIX_ENV}!",
    "${CPEWF_TASK_ID}": "${CPEWF_TASK_ID}",
}
MISSING_PATHS = ["gone", "gone.deeper.still", "text.x", "int.x", "nothing.x", "TEXT", "list.1"]

MAPPED = {
    "map": {"b": "found", "null": "named null"},
    "key": "b",
    "list": ["a", "b"],
    "i": 1,
    "b": [{"x": 0}, {"x": 9}],
}
NESTED_EXPRESSIONS = {
    "${workflow.input.map.${workflow.input.key}}": "found",
    "${workflow.input.list[${workflow.input.i}]}": "b",
    "${workflow.input.${workflow.input.key}[${workflow.input.i}].x}": 9,
    "${workflow.input.map.${workflow.input.list[${workflow.input.i}]}}": "found",
    "v=${workflow.input.map.${workflow.input.key}}!": "v=found!",
    "${workflow.input.map.${workflow.input.none}}": "named null",
    "${workflow.input.map['${workflow.input.key}']}": "found",
}
SPECIAL = ["a\\b\\\\c", "$1 and $0 and $x", "\"'`", "x\ny", "{a} }{", "é😀", "${workflow.input.v}"]


def found(template: Any, given: dict[str, Any]) -> Any:
    return resolve(compile_template(template), Values({"workflow": {"input": given}}))


@pytest.mark.parametrize(("document", "path", "value"), PATHS, ids=[row[1] for row in PATHS])
def test_2_4_paths_find_what_conductor_found(
    document: dict[str, Any], path: str, value: Any
) -> None:
    dot = "" if path[0] in "[." else "."
    assert found(f"${{workflow.input{dot}{path}}}", document) == value


@pytest.mark.parametrize("key", KINDS)
def test_2_3_3_a_whole_string_keeps_the_type_of_its_value(key: str) -> None:
    value = found(f"${{workflow.input.{key}}}", KINDS)
    assert value == KINDS[key]
    assert type(value) is type(KINDS[key])


@pytest.mark.parametrize("template", TEXTS)
def test_2_3_texts_read_as_conductor_writes_them(template: str) -> None:
    assert found(template, KINDS) == TEXTS[template]


@pytest.mark.parametrize("path", MISSING_PATHS)
def test_2_4_a_path_that_leads_nowhere_is_null(path: str) -> None:
    assert found(f"${{workflow.input.{path}}}", KINDS) is None


@pytest.mark.parametrize("template", NESTED_EXPRESSIONS)
def test_2_3_2_an_inner_expression_becomes_part_of_the_outer_path(template: str) -> None:
    assert found(template, MAPPED) == NESTED_EXPRESSIONS[template]


@pytest.mark.parametrize("value", SPECIAL)
def test_2_3_7_a_value_put_into_text_is_neither_changed_nor_scanned_again(value: str) -> None:
    assert found("<${workflow.input.v}>", {"v": value}) == f"<{value}>"
    assert found("${workflow.input.v}", {"v": value}) == value


def test_2_3_6_expressions_are_found_at_any_depth_and_other_values_pass_through() -> None:
    template = {
        "o": {
            "p": {
                "q": "${workflow.input.int}",
                "r": [{"s": "n=${workflow.input.int}"}, ["${workflow.input.list}"]],
            }
        },
        "constants": [1, 2.5, True, None, "plain", {"k": []}],
        "missing": ["${workflow.input.none}", {"k": "${workflow.input.none}"}],
        "${workflow.input.text}": {"k-${workflow.input.int}": 1},
    }
    assert found(template, KINDS) == {
        "o": {"p": {"q": 7, "r": [{"s": "n=7"}, [[1, "two", None]]]}},
        "constants": [1, 2.5, True, None, "plain", {"k": []}],
        "missing": [None, {"k": None}],
        "${workflow.input.text}": {"k-${workflow.input.int}": 1},
    }


def test_2_3_3_containers_in_text_read_in_the_servers_notation() -> None:
    given = {
        "list": [1, "two", None, True],
        "nested": {"a": [{"b": "x y"}]},
        "os": [{"n": "o1"}, {"n": "o2"}],
    }
    assert found("l=${workflow.input.list}", given) == "l=[1, two, null, true]"
    assert found("n=${workflow.input.nested}", given) == "n={a=[{b=x y}]}"
    assert found("i=${workflow.input.os[*].n}", given) == 'i=["o1","o2"]'
