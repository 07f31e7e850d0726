"""House rules that no linter checks: sizes, names, and what must not stand in the repository."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ROOT, Source, files, sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
TEST_LINES_MAX = 40
CLASS_LINES_MAX = 200
"""Of code: what explains it, and the blank lines between, cost nobody anything."""

FORBIDDEN_NAMES = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "shared"})
FORBIDDEN_PARTS = re.compile(r"(^|_)utils?($|_)")
FORBIDDEN_CLASSES = re.compile(r"(Manager|Helper|Helpers|Util|Utils|Base|Impl)$")
UNFINISHED = re.compile(r"#.*\b(TO" r"DO|FIX" r"ME)\b", re.IGNORECASE)

PERSONAL_PATH = re.compile(r"(?<![\w.])/(home|Users|root|work|mnt|workspace)/[\w.-]+")
INDEX_SETTING = re.compile(r"(?i)(--(extra-)?index-url|--find-links|index-url\s*=|artifactory)")
HOST = re.compile(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
PUBLIC_HOSTS = (
    *("apache.org", "w3.org", "schema.org", "json-schema.org", "json-structure.org"),
    *("github.com", "github.io", "githubusercontent.com", "astral.sh", "nats.io"),
    *("asyncapi.com", "cloudevents.io", "orkes.io", "orkesconductor.com", "keepachangelog.com"),
    *("semver.org", "python.org", "readthedocs.io", "opentelemetry.io", "conductor-oss.org"),
    *("example", "example.com", "example.org", "invalid", "test", "127.0.0.1"),
)
"""Hosts that documents and published contracts name; no registry of packages is among them."""


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def code_lines_of(source: Source, node: ast.stmt) -> int:
    """The lines of a statement without blank ones, comments and docstrings."""
    explained = {
        line
        for inner in ast.walk(node)
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
        for line in range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
    }
    lines = source.text.splitlines()
    return sum(
        number not in explained and bool(text := lines[number - 1].strip()) and text[0] != "#"
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )


def nodes(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> Iterator[tuple[Source, ast.AST]]:
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, kind):
                yield source, node


def test_a_file_holds_one_idea() -> None:
    long = [
        f"{source.path}: {count} lines"
        for source in sources()
        if (count := len(source.text.splitlines())) > FILE_LINES_MAX
    ]
    assert long == []


def test_a_function_fits_on_a_screen() -> None:
    long = []
    for source, node in nodes((ast.FunctionDef, ast.AsyncFunctionDef)):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        is_test = source.path.startswith("tests/") and node.name.startswith("test_")
        if lines_of(node) > (TEST_LINES_MAX if is_test else FUNCTION_LINES_MAX):
            long.append(f"{source.path}:{node.lineno} {node.name}: {lines_of(node)} lines")
    assert long == []


def test_a_class_holds_one_thing() -> None:
    long = []
    for source, node in nodes(ast.ClassDef):
        assert isinstance(node, ast.ClassDef)
        if (count := code_lines_of(source, node)) > CLASS_LINES_MAX:
            long.append(f"{source.path}:{node.lineno} {node.name}: {count} lines of code")
    assert long == []


def test_names_say_what_a_file_or_class_is() -> None:
    modules = [
        source.path
        for source in sources()
        if (stem := source.path.rpartition("/")[2].removesuffix(".py")) in FORBIDDEN_NAMES
        or FORBIDDEN_PARTS.search(stem)
    ]
    classes = [
        f"{source.path}:{node.lineno} {node.name}"
        for source, node in nodes(ast.ClassDef)
        if isinstance(node, ast.ClassDef) and FORBIDDEN_CLASSES.search(node.name)
    ]
    assert modules == []
    assert classes == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        source.path
        for source in sources()
        if source.tree.body and ast.get_docstring(source.tree) is None
        if not source.path.startswith("tests/")
    ]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    unfinished = [
        f"{source.path}:{number}: {line.strip()}"
        for source in sources()
        for number, line in enumerate(source.text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert unfinished == []


def test_no_mock_library_is_used() -> None:
    mocked = [
        f"{source.path}:{node.lineno}"
        for source, node in nodes((ast.Import, ast.ImportFrom))
        if isinstance(node, ast.Import | ast.ImportFrom) and "mock" in ast.unparse(node).split(" ")
    ]
    assert mocked == []


def test_the_repository_names_no_machine_and_no_registry() -> None:
    found = []
    for file in files():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        path = file.relative_to(ROOT).as_posix()
        for number, line in enumerate(text.splitlines(), 1):
            if path == "tests/architecture/test_tidy.py":
                continue
            if PERSONAL_PATH.search(line) or INDEX_SETTING.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
            found += [
                f"{path}:{number}: {host}" for host in HOST.findall(line) if not _is_public(host)
            ]
    assert found == []


def _is_public(host: str) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in PUBLIC_HOSTS)


@pytest.mark.parametrize(
    "line",
    [
        "see /home/somebody/notes",
        "--extra-index-url somewhere",
        "index-url = somewhere",
    ],
)
def test_the_check_for_machines_and_registries_finds_them(line: str) -> None:
    assert PERSONAL_PATH.search(line) or INDEX_SETTING.search(line)


def test_the_check_for_hosts_knows_a_registry_from_a_public_page() -> None:
    hosts = HOST.findall("https://token@packages.corp.internal/simple https://www.w3.org/x")
    assert [_is_public(host) for host in hosts] == [False, True]
