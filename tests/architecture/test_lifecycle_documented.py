"""docs/lifecycle.md shows the very table that the decider goes by."""

import re

from firmus.decider.lifecycle import RULES
from firmus_contracts.errors import ERRORS
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([A-Z_, ]*)\| ([A-Z_, ]*)\| (.*)\|$", re.MULTILINE)


def test_the_page_on_lifecycle_operations_shows_the_table_of_the_code() -> None:
    shown = {name: [cell.strip() for cell in cells] for name, *cells in ROW.findall(PAGE)}
    told = {}
    for name, rule in RULES.items():
        otherwise = f"{ERRORS[rule.code].status} {rule.message}" if rule.message else ""
        told[name] = [", ".join(rule.acts), ", ".join(rule.idle), otherwise]
    assert shown == told
