"""Every method of the official Python SDK's clients of schemas, secrets and events."""

import pytest
from conductor.client.event.event_client import EventClient
from conductor.client.event.queue.kafka_queue_configuration import (
    KafkaConsumerConfiguration,
    KafkaProducerConfiguration,
    KafkaQueueConfiguration,
)
from conductor.client.http.api.event_resource_api import EventResourceApi
from conductor.client.http.api_client import ApiClient
from conductor.client.http.models.event_handler import EventHandler
from conductor.client.http.models.schema_def import SchemaDef, SchemaType
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_schema_client import OrkesSchemaClient
from conductor.client.orkes.orkes_secret_client import OrkesSecretClient

from tests.e2e.sdk_clients import MARKS, Clients, fresh, unchecked

pytestmark = MARKS
DATA = {"type": "object", "required": ["item"]}


def test_no_method_is_left_out() -> None:
    assert unchecked(OrkesSchemaClient, globals()) == set()
    assert unchecked(OrkesSecretClient, globals()) == set()
    assert unchecked(EventClient, globals()) == set()


@pytest.fixture
def schemas(clients: Clients) -> OrkesSchemaClient:
    return clients.of.get_schema_client()


def register(schemas: OrkesSchemaClient, *versions: int) -> str:
    name = fresh("schema")
    for version in versions:
        made = SchemaDef(name=name, version=version, type=SchemaType.JSON, data=DATA)
        schemas.register_schema(made)
    return name


def versions_of(schemas: OrkesSchemaClient, name: str) -> list[int]:
    return [each.version for each in schemas.get_all_schemas() if each.name == name]


def test_register_schema(schemas: OrkesSchemaClient) -> None:
    name = register(schemas, 1)
    bad = SchemaDef(name=name, version=2, type=SchemaType.JSON, data={"type": "nothing"})
    with pytest.raises(ApiException) as raised:
        schemas.register_schema(bad)
    assert raised.value.status == 400


def test_get_schema(schemas: OrkesSchemaClient) -> None:
    name = register(schemas, 1, 2)

    assert schemas.get_schema(name, 2).data == DATA
    with pytest.raises(ApiException) as raised:
        schemas.get_schema(name, 3)
    assert raised.value.status == 404


def test_get_all_schemas(schemas: OrkesSchemaClient) -> None:
    assert versions_of(schemas, register(schemas, 1, 2)) == [1, 2]


def test_delete_schema(schemas: OrkesSchemaClient) -> None:
    name = register(schemas, 1, 2)
    schemas.delete_schema(name, 1)

    assert versions_of(schemas, name) == [2]


def test_delete_schema_by_name(schemas: OrkesSchemaClient) -> None:
    name = register(schemas, 1, 2)
    schemas.delete_schema_by_name(name)

    assert versions_of(schemas, name) == []


@pytest.fixture
def secrets(clients: Clients) -> OrkesSecretClient:
    return clients.of.get_secret_client()


def status_of(call: object, *given: object) -> int:
    assert callable(call)
    with pytest.raises(ApiException) as raised:
        call(*given)
    return int(raised.value.status)


def test_put_secret(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.put_secret, "k", "v") == 501


def test_get_secret(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.get_secret, "k") == 501


def test_list_all_secret_names(secrets: OrkesSecretClient) -> None:
    assert secrets.list_all_secret_names() == set()


def test_list_secrets_that_user_can_grant_access_to(secrets: OrkesSecretClient) -> None:
    assert secrets.list_secrets_that_user_can_grant_access_to() == []


def test_delete_secret(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.delete_secret, "k") == 501


def test_secret_exists(secrets: OrkesSecretClient) -> None:
    assert secrets.secret_exists("k") is False


def test_set_secret_tags(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.set_secret_tags, [MetadataTag("a", "b")], "k") == 501


def test_get_secret_tags(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.get_secret_tags, "k") == 501


def test_delete_secret_tags(secrets: OrkesSecretClient) -> None:
    assert status_of(secrets.delete_secret_tags, [MetadataTag("a", "b")], "k") == 501


@pytest.fixture
def api(clients: Clients) -> ApiClient:
    return ApiClient(clients.configuration)


def queue() -> KafkaQueueConfiguration:
    made = KafkaQueueConfiguration("topic")
    made.add_consumer(KafkaConsumerConfiguration("127.0.0.1:1"))
    made.add_producer(KafkaProducerConfiguration("127.0.0.1:1"))
    return made


def test_put_queue_configuration(api: ApiClient) -> None:
    assert status_of(EventClient(api).put_queue_configuration, queue()) == 501


def test_get_queue_configuration(api: ApiClient) -> None:
    assert status_of(EventClient(api).get_queue_configuration, "kafka", "topic") == 501


def test_get_kafka_queue_configuration(api: ApiClient) -> None:
    assert status_of(EventClient(api).get_kafka_queue_configuration, "topic") == 501


def test_delete_queue_configuration(api: ApiClient) -> None:
    assert status_of(EventClient(api).delete_queue_configuration, queue()) == 501


def test_event_handlers_are_added_changed_found_and_removed(
    clients: Clients, api: ApiClient
) -> None:
    handlers, name, event = EventResourceApi(api), fresh("handler"), f"nats:{fresh('event')}"
    start = {"action": "start_workflow", "start_workflow": {"name": clients.define()}}
    made = EventHandler(name=name, event=event, actions=[start], active=False)
    handlers.add_event_handler(made)
    made.active = True
    handlers.update_event_handler(made)

    (found,) = handlers.get_event_handlers_for_event(event)
    assert (found.name, found.active) == (name, True)
    assert name in [each.name for each in handlers.get_event_handlers()]
    handlers.remove_event_handler_status(name)
    assert handlers.get_event_handlers_for_event(event) == []
