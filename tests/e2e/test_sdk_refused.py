"""What only other servers of the family have: each method of these clients is refused by name."""

import inspect
from typing import Any

import pytest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.access_type import AccessType
from conductor.client.orkes.orkes_authorization_client import OrkesAuthorizationClient
from conductor.client.orkes.orkes_integration_client import OrkesIntegrationClient
from conductor.client.orkes.orkes_prompt_client import OrkesPromptClient
from conductor.client.orkes.orkes_service_registry_client import OrkesServiceRegistryClient

from tests.e2e.processes import until
from tests.e2e.sdk_clients import MARKS, Clients, public

pytestmark = MARKS
ABSENT = (
    OrkesAuthorizationClient,
    OrkesIntegrationClient,
    OrkesPromptClient,
    OrkesServiceRegistryClient,
)
OFFERED = {"get_queue_sizes_for_all_tasks"}
"""The service registry's client asks an ordinary path for it."""
STATUSES = {"generate_token": 404, "set_proto_data": 0}
"""A 404, by which SDKs know that no token is needed, and what the SDK itself fails to send;
everything else is 501.
"""
METHODS = [(client, name) for client in ABSENT for name in sorted(public(client) - OFFERED)]


class Anything(dict[str, Any]):
    """An argument of a method that is refused whatever it is called with."""

    name = "x"

    def __getattr__(self, _: str) -> Any:
        return Anything()


def argument(annotation: object) -> Any:
    if "List" in str(annotation):
        return []
    return {str: "x", bytes: b"x", AccessType: AccessType.READ}.get(annotation, Anything())


@pytest.mark.parametrize(("client", "name"), METHODS)
def test_it_is_refused(clients: Clients, client: type, name: str) -> None:
    method = getattr(client(clients.configuration), name)
    parameters = inspect.signature(method).parameters.items()
    given = {
        each: argument(about.annotation)
        for each, about in parameters
        if about.default is about.empty
    }
    with pytest.raises(ApiException) as raised:
        method(**given)

    assert raised.value.status == STATUSES.get(name, 501)


def test_queue_sizes_are_told(clients: Clients) -> None:
    name = clients.define()
    clients.start(name)
    registry = OrkesServiceRegistryClient(clients.configuration)

    until("it in its queue", lambda: registry.get_queue_sizes_for_all_tasks().get(name) == 1)
