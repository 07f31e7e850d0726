"""Our documents under the published contract's own rules, with Spectral.

What is left is named here, with its reason; an error is never left.
"""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmus.gateway.openapi.schemas import standing_alone
from tests.gateway.told import our_document

FOLDER = os.environ.get("SPECTRAL")
pytestmark = pytest.mark.skipif(
    FOLDER is None and "CI" not in os.environ, reason="SPECTRAL names no folder"
)
ROOT = Path(__file__).parents[2]
RULES = ROOT / "tests" / "contract" / "rules"
ERROR, WARNING = 0, 1

LEFT_IN_OPENAPI = {
    # The contract's own files have the same warning: their server is this machine, too.
    ("servers-expected-domain", "servers.0.url"),
    # Conductor's path ends so, and clients ask for it.
    ("path-keys-no-trailing-slash", "paths./api/queue/"),
    # A token is asked for with POST; SDKs are told by the 404 that they need none.
    ("operation-success-response", "paths./api/token.get.responses"),
    # Without completion queues every status is refused, as by Conductor by default.
    (
        "operation-success-response",
        "paths./api/queue/update/{workflowId}/{taskRefName}/{status}.post.responses",
    ),
    (
        "operation-success-response",
        "paths./api/queue/update/{workflowId}/task/{taskId}/{status}.post.responses",
    ),
}
"""Warnings beside those of operations that answer 501, which never succeed."""
NOTES_IN_OPENAPI = {
    # Conductor's parameters are in camel case, and clients send them so.
    "query-params-casing",
    # `start_workflow` and its like, and `recordIds.size`: as Conductor writes them.
    "schema-properties-casing",
}
LEFT_IN_ASYNCAPI = {
    # The project has a name, but no address of its own.
    ("asyncapi-info-contact-properties", "info.contact"),
}
NOTES_IN_ASYNCAPI = {
    # The published contract is AsyncAPI 2.6.
    "asyncapi-latest-version",
}
NOTES_IN_SCHEMAS = {"property-name-casing"}
"""As in the OpenAPI document; the contract's own schemas have the same notes."""


class Found(NamedTuple):
    rule: str
    place: str
    severity: int
    file: str


def lint(rules: str, folder: Path, files: dict[str, Any]) -> list[Found]:
    """What Spectral says of documents. It refuses the `method` that the rule files begin with."""
    kept = (RULES / rules).read_text().splitlines(keepends=True)
    ruleset = folder / rules
    ruleset.write_text("".join(line for line in kept if not line.startswith("method:")))
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    program = Path(str(FOLDER)) / "node_modules" / ".bin" / "spectral"
    asked = ("lint", "--ruleset", ruleset, "--format", "json", "--quiet", "--fail-severity", "hint")
    done = subprocess.run(
        [program, *asked, *(folder / name for name in files)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return [
        Found(
            one["code"],
            ".".join(map(str, one["path"])),
            one["severity"],
            Path(one["source"]).name,
        )
        for one in json.loads(done.stdout or "[]")
    ]


def serious(found: list[Found]) -> set[tuple[str, str]]:
    return {(one.rule, one.place) for one in found if one.severity <= WARNING}


def notes(found: list[Found]) -> set[str]:
    return {one.rule for one in found if one.severity > WARNING}


def test_the_openapi_document_passes(tmp_path: Path) -> None:
    told = our_document()
    later = {
        ("operation-success-response", f"paths.{path}.{method}.responses")
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
        if operation["responses"].keys() == {"501"}
    }

    found = lint("conductor-spectral-rules.yml", tmp_path, {"openapi.json": told})

    assert serious(found) == LEFT_IN_OPENAPI | later
    assert all(one.severity != ERROR for one in found)
    assert notes(found) <= NOTES_IN_OPENAPI


def test_the_asyncapi_document_passes(tmp_path: Path) -> None:
    text = (ROOT / "asyncapi" / "asyncapi.yaml").read_text()

    found = lint("conductor-asyncapi-spectral-rules.yml", tmp_path, {"asyncapi.yaml": text})

    assert serious(found) == LEFT_IN_ASYNCAPI
    assert notes(found) <= NOTES_IN_ASYNCAPI


def test_the_published_json_schemas_pass(tmp_path: Path) -> None:
    parts = our_document()["components"]["schemas"]
    files = {f"{name}.json": standing_alone(name, parts) for name in parts}

    found = lint("conductor-jsonschema-spectral-rules.yml", tmp_path, files)

    assert serious(found) == set()
    assert notes(found) <= NOTES_IN_SCHEMAS


def test_a_document_that_breaks_the_rules_does_not_pass(tmp_path: Path) -> None:
    """The linter does lint: the contract's own files have the faults that are known of them."""
    name = "conductor-task-api-openapi.yml"
    text = (ROOT / "tests" / "contract" / "openapi" / name).read_text()

    found = lint("conductor-spectral-rules.yml", tmp_path, {name: text})

    rules = Counter(one.rule for one in found if one.severity <= WARNING)
    assert rules == {"oas3-valid-schema-example": 3, "servers-expected-domain": 1}
