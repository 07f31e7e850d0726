"""The files of this repository, read once: what the architecture tests look at."""

import ast
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
CODE = ("services", "contracts", "tests", "examples", "asyncapi", "benchmarks")
GIVEN = ("tests/conformance", "tests/contract", "tests/fixtures")
"""Published contracts and recordings, kept as they were published."""
GENERATED = ("_pb2.py",)
"""Code that a tool wrote; a test makes it anew and compares."""

_MADE = {"__pycache__", ".git", ".venv", "build", "dist", "firmus-data", "node_modules"}


class Source(msgspec.Struct, frozen=True):
    """One Python file. `path` is relative to the repository, with forward slashes."""

    path: str
    text: str
    tree: ast.Module


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file that we wrote."""
    found = []
    for top in CODE:
        for file in sorted((ROOT / top).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            if not path.startswith(GIVEN) and not path.endswith(GENERATED):
                text = file.read_text(encoding="utf-8")
                found.append(Source(path, text, ast.parse(text, path)))
    return tuple(found)


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository; what tools and runs leave behind is not."""
    found: list[Path] = []
    pending = [ROOT]
    while pending:
        for entry in sorted(pending.pop().iterdir()):
            if entry.name in _MADE or entry.name.endswith((".egg-info", "_cache")):
                continue
            if entry.is_symlink() or entry.name == ".hypothesis":
                continue
            if entry.is_dir():
                pending.append(entry)
            else:
                found.append(entry)
    return tuple(found)


def module_of(path: str) -> str:
    """The import name of a file below a source root: services/firmus/a/b.py is firmus.a.b."""
    _, _, inside = path.partition("/")
    return inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(source: Source) -> tuple[tuple[int, str], ...]:
    """(line, full name) of everything imported, late imports inside functions included.

    `from a import b` counts as a.b, so that a module taken from its package is seen as itself.
    """
    found: list[tuple[int, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.path}:{node.lineno}: imports are absolute"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(found)
