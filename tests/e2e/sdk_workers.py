"""Workers of the official Python SDK, unchanged, as a program: `python -m tests.e2e.sdk_workers API`."""

import asyncio
import sys
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import TaskInProgress, get_task_context
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_task import worker_task


@worker_task(task_definition_name="sdk_double", thread_count=4)
def double(n: int) -> dict[str, Any]:
    return {"n": 2 * n}


@worker_task(task_definition_name="sdk_double_async", thread_count=4)
async def double_async(n: int) -> dict[str, Any]:
    await asyncio.sleep(0.001)
    return {"n": 2 * n}


@worker_task(task_definition_name="sdk_flaky")
def flaky(fails: int) -> dict[str, Any]:
    attempt = get_task_context().get_retry_count()
    if attempt < fails:
        raise RuntimeError(f"attempt {attempt} fails")
    return {"attempt": attempt}


@worker_task(task_definition_name="sdk_hopeless")
def hopeless() -> dict[str, Any]:
    raise NonRetryableException("there is no use")


@worker_task(task_definition_name="sdk_long")
def long() -> dict[str, Any] | TaskInProgress:
    """Comes back after a second, twice."""
    context = get_task_context()
    polls = context.get_poll_count()
    context.add_log(f"poll {polls}")
    if polls < 3:
        return TaskInProgress(callback_after_seconds=1, output={"polls": polls})
    return {"polls": polls}


def main() -> None:
    configuration = Configuration(server_api_url=sys.argv[1])
    with TaskHandler(configuration=configuration) as handler:
        handler.start_processes()
        handler.join_processes()


if __name__ == "__main__":
    main()
