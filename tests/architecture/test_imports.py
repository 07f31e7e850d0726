"""Who may know whom, and which modules stay pure.

Inside the core packages a module is pure unless SHELL names it, so that a new file has to be
declared before it may do I/O.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.architecture.sources import Source, imports_of, module_of, sources

SHARED = (
    *("workflow", "eventlog", "broker", "transport", "definitions", "security"),
    *("ports", "clock", "telemetry", "waiting", "returning", "tls", "edge"),
)
"""What every service may know, beside the contracts."""

KNOWS_ALL = (
    "wiring",
    "roles",
    "node",
    "front",
    "gatekeeping",
    "cli",
    "__main__",
    "console",
    "demo",
    "bench",
    "embedded",
    "metrics",
    "rehearsal",
    "testing",
    "pytest_plugin",
)
"""Where services are put together, started, measured and shown."""

EXCEPTIONS = {
    "firmus.transport.search": "firmus.projection",
}
"""Module to the package it may know all the same; each with its reason.

transport.search: carries the projection's own messages (its status and rebuild) over NATS.
"""

PURE_PACKAGES = (
    *("workflow", "decider", "scheduler", "schedules", "handlers", "rehearsal"),
    *("projection", "definitions", "eventlog", "security"),
)
SHELL = {
    "decider": {
        "service",
        "slots",
        "committing",
        "surroundings",
        "watching",
        "scripts",
        "scripts_jq",
        "jq_runner",
    },
    "scheduler": {
        *("service", "owner", "errands", "orphans", "admissions", "sharing", "firing", "handout"),
        *("checkpoints", "state_events", "steps"),
        "requeue",
        "child_starts",
    },
    "projection": {
        *(
            "service",
            "follower",
            "live",
            "publisher",
            "rebuild",
            "chase",
            "upkeep",
            "snapshot",
            "flushing",
            "life",
        ),
        *("rows", "search", "states", "store", "stores", "finding", "word_index", "folder"),
        *("attribute_rows", "choices", "sources", "sqlite"),
        *(f"postgres.{name}" for name in ("connecting", "finding", "folding", "models")),
        *(f"postgres.{name}" for name in ("store", "word_index", "attribute_rows", "snapshot")),
    },
    "rehearsal": {"service", "definitions"},
    "schedules": {"service", "starting", "store"},
    "handlers": {"service", "handling", "store"},
    "security": {"store", "guard", "oidc", "refusals"},
    "definitions": {"store", "memory", "pins"},
    "eventlog": {"jetstream", "memory", "port", "history", "follow", "blobs", "uploads"},
}
SHELL_PATTERNS = ("firmus.eventlog.recorder*",)

FORBIDDEN_IN_PURE = frozenset(
    {
        *("asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "signal"),
        *("nats", "faststream", "aiohttp", "falcon", "uvicorn", "socket", "http"),
        *("os", "io", "pathlib", "tempfile", "shutil", "sqlite3", "psycopg", "importlib"),
        *("time", "random", "secrets", "uuid"),
        *("opentelemetry", "prometheus_client", "structlog", "logging", "warnings"),
    }
)
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "exec", "eval"})
FORBIDDEN_METHODS = frozenset({"now", "utcnow", "today", "urlopen"})
PROTOCOLS = ("firmus.ports",)
"""What a pure module may know although its methods are asynchronous: shapes only."""


def firmus() -> Iterator[Source]:
    return (source for source in sources() if source.path.startswith("services/firmus/"))


def part_of(module: str) -> str:
    """The package (or single module) directly below firmus that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def is_pure(module: str) -> bool:
    package, _, rest = module.removeprefix("firmus.").partition(".")
    if package not in PURE_PACKAGES:
        return False
    if any(fnmatch(module, pattern) for pattern in SHELL_PATTERNS):
        return False
    return rest not in SHELL.get(package, set())


def pure() -> Iterator[Source]:
    contracts = (source for source in sources() if source.path.startswith("contracts/"))
    yield from contracts
    yield from (source for source in firmus() if is_pure(module_of(source.path)))


def test_contracts_need_only_msgspec_and_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"msgspec", "firmus_contracts"}
    found = [
        f"{source.path}:{line} imports {name}"
        for source in sources()
        if source.path.startswith("contracts/")
        for line, name in imports_of(source)
        if name.split(".")[0] not in allowed
    ]
    assert found == []


def test_only_the_plugin_needs_pytest() -> None:
    found = {
        source.path
        for source in sources()
        if source.path.startswith(("services/", "contracts/", "examples/"))
        for _, name in imports_of(source)
        if name.split(".")[0] in {"pytest", "_pytest"}
    }
    assert found == {"services/firmus/pytest_plugin.py"}


def test_the_plugin_loads_nothing_until_it_is_used() -> None:
    code = "import firmus.pytest_plugin, sys; print([n for n in sys.modules if 'firmus.' in n])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert told.strip() == "['firmus.pytest_plugin']"


def test_pure_modules_import_no_clock_no_chance_no_io_and_no_log() -> None:
    found = [
        f"{source.path}:{line} imports {name}"
        for source in pure()
        for line, name in imports_of(source)
        if name.split(".")[0] in FORBIDDEN_IN_PURE
    ]
    assert found == []


def test_pure_modules_hold_no_async_code_and_call_nothing_that_looks_around() -> None:
    found = []
    for source in pure():
        for node in _outside_protocols(source.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                found.append(f"{source.path}:{node.lineno} is asynchronous")
            if isinstance(node, ast.Call) and _looks_around(node.func):
                found.append(f"{source.path}:{node.lineno} calls {ast.unparse(node.func)}")
    assert found == []


def _outside_protocols(node: ast.AST) -> Iterator[ast.AST]:
    """A protocol states a shape and runs nothing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and "Protocol" in map(ast.unparse, child.bases):
            continue
        yield child
        yield from _outside_protocols(child)


def _looks_around(function: ast.expr) -> bool:
    match function:
        case ast.Name(id=name):
            return name in FORBIDDEN_CALLS
        case ast.Attribute(attr=name):
            return name in FORBIDDEN_METHODS
    return False


def test_pure_modules_know_no_module_that_does_io() -> None:
    found = [
        f"{source.path}:{line} imports {name}"
        for source in pure()
        for line, name in imports_of(source)
        if name.startswith("firmus.") and not _pure_target(name)
    ]
    assert found == []


def _pure_target(name: str) -> bool:
    """`name` may end in what is taken from the module; the module itself counts too."""
    module = name.rpartition(".")[0]
    return name.startswith(PROTOCOLS) or (is_pure(name) and is_pure(module))


def test_services_do_not_know_each_other() -> None:
    found = []
    for source in firmus():
        own = part_of(module_of(source.path))
        if own in KNOWS_ALL or not own:
            continue
        for line, name in imports_of(source):
            target = part_of(name) if name.startswith("firmus.") else own
            excused = EXCEPTIONS.get(module_of(source.path))
            if target not in {own, *SHARED} and not (excused and name.startswith(excused)):
                found.append(f"{source.path}:{line} imports {name}")
    assert found == []


def test_what_services_share_knows_no_service() -> None:
    """The foundation points downwards: contracts, workflow, log and broker, then transport."""
    layers = (
        "workflow",
        "ports",
        "clock",
        "broker",
        "eventlog",
        "definitions",
        "transport",
        "waiting",
        "edge",
    )
    rank = {name: place for place, name in enumerate(layers)}
    found = [
        f"{source.path}:{line} imports {name}"
        for source in firmus()
        if (own := part_of(module_of(source.path))) in rank
        for line, name in imports_of(source)
        if name.startswith("firmus.") and rank.get(part_of(name), -1) > rank[own]
    ]
    assert found == []


def test_every_exception_and_every_shell_module_is_still_needed() -> None:
    modules = {module_of(source.path): source for source in firmus()}
    unneeded = [
        module
        for module, package in EXCEPTIONS.items()
        if not any(name.startswith(package) for _, name in imports_of(modules[module]))
    ]
    gone = [
        f"firmus.{package}.{name}"
        for package, names in SHELL.items()
        for name in names
        if f"firmus.{package}.{name}" not in modules
    ]
    assert unneeded == []
    assert gone == []
