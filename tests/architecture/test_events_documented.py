"""Every event of the log is recorded, folded and explained."""

import ast
import re
from typing import get_args

import msgspec
import pytest

from firmus_contracts.events import WorkflowEvent
from firmus_contracts.upcasts import UPCASTS
from tests.architecture.sources import ROOT, sources

EVENTS: tuple[type[msgspec.Struct], ...] = get_args(WorkflowEvent)
PAGE = ROOT / "docs" / "event-evolution.md"
ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| `(\w+)` \| (.+) \|$", re.MULTILINE)


def tag_of(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


@pytest.mark.parametrize("kind", EVENTS, ids=tag_of)
def test_every_event_type_has_a_golden_file(kind: type[msgspec.Struct]) -> None:
    golden = ROOT / "tests" / "wire" / "golden"
    assert list(golden.glob(f"{tag_of(kind)}.v*.json"))


def test_evolve_has_a_case_for_every_event_type() -> None:
    (evolve,) = (s for s in sources() if s.path == "services/firmus/workflow/evolve.py")
    cases = {
        node.cls.attr
        for node in ast.walk(evolve.tree)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Attribute)
    }
    assert cases == {kind.__name__ for kind in EVENTS}


def test_every_event_type_has_its_row_in_the_page_on_events() -> None:
    rows = {(tag, name) for tag, name, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert rows == {(tag_of(kind), kind.__name__) for kind in EVENTS}


def test_every_retired_tag_is_named_in_the_page_on_events() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [tag for tag in UPCASTS if f"`{tag}`" not in text] == []
