"""Search attributes, as the official Python SDK registers and finds them on a whole system."""

import subprocess
import uuid
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients

from tests.e2e.processes import firmus, until
from tests.e2e.system import System

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # As in test_sdk.py.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


class Orders:
    """A workflow that ends at once, under attributes of its own."""

    def __init__(self, api: str) -> None:
        clients = OrkesClients(Configuration(server_api_url=api))
        self._metadata = clients.get_metadata_client()
        self._workflows = clients.get_workflow_client()
        self.tag = uuid.uuid4().hex[:8]
        self._name = f"orders_{self.tag}"

    def choose(self, **attributes: Any) -> None:
        definition = WorkflowDef(name=self._name, version=1, schema_version=2)
        definition.tasks = [WorkflowTask(name="n", task_reference_name="n", type="NOOP")]
        definition.output_parameters = {"total": "${workflow.input.total}"}
        chosen = {f"{name}_{self.tag}": value for name, value in attributes.items()}
        definition.metadata = {"searchAttributes": chosen}
        self._metadata.register_workflow_def(definition, overwrite=True)

    def start(self, **given: Any) -> str:
        request = StartWorkflowRequest(name=self._name, version=1, input=given)
        return str(self._workflows.start_workflow(request))

    def found(self, query: str) -> list[str]:
        """The ids that a query finds; `_ID` ends the names of this definition alone."""
        found = self._workflows.search(query=query.replace("_ID", f"_{self.tag}"))
        return [summary.workflow_id for summary in found.results]


def test_the_sdk_finds_executions_by_attributes_of_their_definition(shared: System) -> None:
    orders = Orders(shared.api)
    orders.choose(
        customer="${workflow.input.customer.id}",
        total={"value": "${workflow.output.total}", "type": "number"},
    )
    small = orders.start(customer={"id": "abc"}, total=99.5)
    large = orders.start(customer={"id": "abc"}, total=250)
    orders.start(customer={"id": "else"}, total=300)

    until("rows", lambda: len(orders.found("total_ID > 0")) == 3)
    assert orders.found("customer_ID = 'abc' AND total_ID > 100") == [large]
    assert orders.found("attributes.customer_ID = abc AND total_ID BETWEEN 99 AND 100") == [small]
    with pytest.raises(ApiException) as refused:
        orders.found("custom_ID = 'abc'")
    assert refused.value.status == 400
    assert f"position 1: no field 'custom_{orders.tag}'" in refused.value.body


def test_a_rebuild_finds_old_executions_by_a_new_attribute(shared: System) -> None:
    orders = Orders(shared.api)
    orders.choose()
    old = orders.start(region="north")
    until("its row", lambda: orders.found(f"workflowId = {old} AND status = COMPLETED") == [old])
    orders.choose(region="${workflow.input.region}")
    new = orders.start(region="north")
    until("the new one", lambda: orders.found("region_ID = north") == [new])

    rebuild = firmus("rebuild", "--nats-url", shared.nats_url)
    subprocess.run(rebuild, check=True, capture_output=True, timeout=60)
    assert sorted(orders.found("region_ID = north")) == sorted([old, new])


def test_an_attribute_that_cannot_be_is_refused_by_its_name(shared: System) -> None:
    orders = Orders(shared.api)
    with pytest.raises(ApiException) as refused:
        orders.choose(key="${workflow.secrets.KEY}")
    assert refused.value.status == 400
    assert f"metadata.searchAttributes.key_{orders.tag}" in refused.value.body
