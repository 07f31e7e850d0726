"""Schemas registered, and executions found by correlation, by the official SDK on a whole system."""

import uuid
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.correlation_ids_search_request import (
    CorrelationIdsSearchRequest,
)
from conductor.client.http.models.schema_def import SchemaDef, SchemaType
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.rest import ApiException
from conductor.client.orkes.api.tags_api import TagsApi
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_schema_client import OrkesSchemaClient
from conductor.client.orkes.orkes_secret_client import OrkesSecretClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from tests.e2e.system import System
from tests.e2e.test_synchronous import Api

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # As in test_sdk.py.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
TEXT: dict[str, Any] = {"type": "object", "required": ["item"]}


def test_the_sdk_registers_reads_and_deletes_schemas(shared: System) -> None:
    client = OrkesSchemaClient(Configuration(server_api_url=shared.api))
    name = f"order_{uuid.uuid4().hex}"
    for version in (1, 2):
        client.register_schema(
            SchemaDef(name=name, version=version, type=SchemaType.JSON, data=TEXT)
        )

    assert client.get_schema(name, 2).data == TEXT
    client.delete_schema(name, 1)
    assert [each.version for each in client.get_all_schemas() if each.name == name] == [2]
    client.delete_schema_by_name(name)
    with pytest.raises(ApiException) as refused:
        client.get_schema(name, 2)
    assert refused.value.status == 404


def test_the_sdk_tags_definitions_of_workflows_and_tasks(shared: System) -> None:
    client = OrkesMetadataClient(Configuration(server_api_url=shared.api))
    name = Api(shared.api).define("tagged", {"name": "a", "taskReferenceName": "a"})
    task = f"task_{uuid.uuid4().hex}"
    client.register_task_def(TaskDef(name=task))
    team, tier = MetadataTag("team", name), MetadataTag("tier", task)

    client.add_workflow_tag(team, name)
    client.set_workflow_tags([tier, team], name)
    client.delete_workflow_tag(tier, name)
    client.addTaskTag(team, task)
    client.setTaskTags([tier], task)

    assert [tag.to_dict() for tag in client.get_workflow_tags(name)] == [team.to_dict()]
    assert [tag.to_dict() for tag in client.getTaskTags(task)] == [tier.to_dict()]
    listed = {tag.value for tag in TagsApi(client.api_client).get_tags1()}
    assert {name, task} <= listed
    client.deleteTaskTag(tier, task)
    assert client.getTaskTags(task) == []
    client.setWorkflowRateLimit(5, name)
    assert client.getWorkflowRateLimit(name) == "5"
    client.removeWorkflowRateLimit(name)
    assert client.getWorkflowRateLimit(name) is None


def test_the_sdk_finds_executions_of_several_workflows(shared: System) -> None:
    api, client = Api(shared.api), OrkesWorkflowClient(Configuration(server_api_url=shared.api))
    names = [api.define(each, {"name": "a", "taskReferenceName": "a"}) for each in ("v", "w")]
    key = uuid.uuid4().hex
    started = [client.start_workflow_by_name(each, {}, correlationId=key) for each in names]

    asked = CorrelationIdsSearchRequest(correlation_ids=[key], workflow_names=names)
    found = client.get_by_correlation_ids_in_batch(asked)

    assert [workflow.workflow_id for workflow in found[key]] == started


def test_the_sdk_asks_for_a_secret(shared: System) -> None:
    client = OrkesSecretClient(Configuration(server_api_url=shared.api))

    assert client.secret_exists("nobody") is False
