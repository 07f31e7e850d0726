"""`firmus log` of a running system: what it shows, and what only when asked."""

import subprocess

import pytest

from firmus.console.rest import RestClient
from tests.e2e.processes import environment, firmus
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

FLOW = {
    "name": "e2e_masked_log",
    "ownerEmail": "a@example.com",
    "maskedFields": ["card"],
    "tasks": [
        {"name": "keep", "taskReferenceName": "keep", "type": "SET_VARIABLE",
         "inputParameters": {"card": "${workflow.input.card}"}},
    ],
}  # fmt: skip


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_masked_fields_are_printed_only_when_asked_for(shared: System, form: tuple[str]) -> None:
    client = RestClient(shared.url)
    client.register_workflow(FLOW)
    workflow_id = client.start({"name": "e2e_masked_log", "input": {"card": "4711"}})

    def said(*more: str) -> str:
        command = firmus("log", workflow_id, "--nats-url", shared.nats_url, *form, *more)
        return subprocess.run(
            command, stdout=subprocess.PIPE, check=True, env=environment()
        ).stdout.decode()

    masked, whole = said(), said("--unmask")
    assert "4711" not in masked
    assert '"card":"***"' in masked
    assert masked.count("workflow.variables_set") == 1
    assert '"card":"4711"' in whole
