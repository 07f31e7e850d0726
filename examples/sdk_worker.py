"""The official Conductor SDK against firmus, unchanged: register, start, work, wait.

pip install conductor-python
firmus up                                # in one terminal
python examples/sdk_worker.py            # in another
"""

# mypy: disable-error-code="import-untyped, untyped-decorator"
# (the SDK ships no type information)

import argparse
import time

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor


@worker_task(task_definition_name="sdk_greet", register_task_def=True)
def sdk_greet(name: str) -> str:
    return f"hello {name}"


def main(rest: str) -> None:
    configuration = Configuration(server_api_url=f"{rest}/api")
    executor = WorkflowExecutor(configuration)
    workflow = ConductorWorkflow(executor=executor, name="sdk_hello", version=1)
    workflow >> sdk_greet(task_ref_name="greet", name=workflow.input("name"))
    workflow.output_parameters({"greeting": "${greet.output.result}"})
    workflow.register(overwrite=True)

    client = OrkesClients(configuration=configuration).get_workflow_client()
    with TaskHandler(configuration=configuration) as handler:
        handler.start_processes()
        request = StartWorkflowRequest(name="sdk_hello", version=1, input={"name": "world"})
        workflow_id = client.start_workflow(request)
        deadline = time.monotonic() + 60
        while (run := client.get_workflow(workflow_id)).status == "RUNNING":
            if time.monotonic() > deadline:
                raise SystemExit("it did not end within a minute")
            time.sleep(0.1)
    print(run.status, run.output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rest", default="http://127.0.0.1:8080")
    main(parser.parse_args().rest)
