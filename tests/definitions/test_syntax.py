"""JavaScript is compiled to see whether it parses, and never run."""

import pytest

from firmus.definitions.syntax import javascript_error


@pytest.mark.parametrize(
    "text",
    [
        "$.k == 1 ? 'x' : 'y'",
        "function f(){ return $.a } f()",
        "(function(){ if ($.a) { return 'b' } })()",
        "let a = 1; a",
        "`${1}`",
        "// only a remark",
        "",
        "while (true) {}",
        "undefinedFunction()",
    ],
)
def test_what_parses_has_no_error(text: str) -> None:
    assert javascript_error(text) is None


@pytest.mark.parametrize(
    "text", ["if ( {", "a b", "/*", "'open", "}); (function(){", "return 1", "let a; let a", "("]
)
def test_what_does_not_parse_is_told_in_one_line(text: str) -> None:
    problem = javascript_error(text)
    assert problem is not None
    assert problem.startswith("SyntaxError")
    assert "\n" not in problem


@pytest.mark.parametrize(
    "text",
    [
        "while (true) {}",
        "}); while (true) {}; (function(){",
        "} while (true) {} {",
        "'a'.repeat(1e9)",
        "throw 'SyntaxError: mine'",
    ],
)
def test_nothing_runs_however_the_text_is_built(text: str) -> None:
    problem = javascript_error(text)
    assert problem is None or problem.startswith("SyntaxError")
    assert problem != "SyntaxError: mine"


def test_a_text_too_deep_for_the_compiler_is_told_not_crashed_on() -> None:
    assert javascript_error("(" * 100_000) is not None


@pytest.mark.parametrize(("text", "place"), [("a b", "1:3"), ("a;\nb c", "2:3")])
def test_the_place_of_a_fault_is_counted_in_the_text_itself(text: str, place: str) -> None:
    problem = javascript_error(text)
    assert problem is not None
    assert problem.endswith(f" at {place}")
