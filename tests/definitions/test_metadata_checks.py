"""What firmus reads in `metadata` is checked when it is registered."""

from typing import Any

import pytest

from firmus.definitions.metadata_checks import metadata_errors
from firmus_contracts.definitions import WorkflowDef


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"team": "shop", "classifier": "agent"},
        {"secrets": []},
        {"secrets": ["KEY"], "payloadLimitKb": 1},
    ],
)
def test_what_can_be_read_passes(given: dict[str, Any]) -> None:
    assert list(metadata_errors(WorkflowDef(name="w", metadata=given), "")) == []


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"secrets": "KEY"}, "metadata.secrets"),
        ({"secrets": [1]}, "metadata.secrets"),
        ({"secrets": [""]}, "metadata.secrets"),
        ({"payloadLimitKb": 0}, "metadata.payloadLimitKb"),
        ({"payloadLimitKb": "64"}, "metadata.payloadLimitKb"),
        ({"payloadLimitKb": True}, "metadata.payloadLimitKb"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(given: dict[str, Any], path: str) -> None:
    [fault] = metadata_errors(WorkflowDef(name="w", metadata=given), "")
    assert fault.path == path
