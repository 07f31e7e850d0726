"""Our AsyncAPI document: made from the types, never drifting, conforming to the contract's."""

from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from asyncapi.generate import FILE, text
from tests.projection.test_publication import published, started

from firmus.projection.asyncapi import document
from firmus_contracts.public_events import StartEvent
from firmus_contracts.requests import StartWorkflowRequest

CONTRACT = Path("tests/contract/asyncapi/conductor-conductor-asyncapi.yml")


@pytest.fixture(scope="module")
def contract() -> dict:
    return yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))


def test_the_stored_document_is_the_one_the_types_make() -> None:
    assert FILE.read_text(encoding="utf-8") == text()
    assert yaml.safe_load(text()) == document()


def test_all_channels_of_the_contract_are_there_under_their_names(contract: dict) -> None:
    ours = document()["channels"]
    for name, channel in contract["channels"].items():
        assert ours[name]["subscribe"]["operationId"] == channel["subscribe"]["operationId"]
        assert ours[name]["subscribe"]["message"] == channel["subscribe"]["message"]
    assert set(ours) - set(contract["channels"]) == {
        "workflow.resumed", "workflow.updated", "workflow.removed", "workflow.restarted",
        "workflow.retried", "workflow.rerun", "task.updated",
        "firmus.start.{definition}",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["WorkflowStatusEvent", "TaskStatusEvent"])
def test_payload_properties_are_the_contracts_exactly(contract: dict, name: str) -> None:
    theirs = contract["components"]["schemas"][name]["properties"]
    ours = document()["components"]["schemas"][name]["properties"]
    assert set(ours) == set(theirs)
    for key, prop in theirs.items():
        assert ours[key]["type"] == prop["type"]
        assert ours[key]["description"] == prop["description"]
        assert set(ours[key].get("enum", ())) == set(prop.get("enum", ()))


def test_published_bodies_validate(contract: dict) -> None:
    (event,) = published(started("flow", {"a": None}))
    body = msgspec.json.decode(event.body)
    for source in (contract, document()):
        jsonschema.validate(body, source["components"]["schemas"]["WorkflowStatusEvent"])


def test_a_start_event_has_the_properties_of_a_start_request() -> None:
    assert set(StartEvent.__struct_encode_fields__) == set(
        StartWorkflowRequest.__struct_encode_fields__
    )


def test_every_reference_leads_somewhere() -> None:
    whole = document()

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                yield from references(value)

    for reference in references(whole):
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node
