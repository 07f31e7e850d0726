"""Workers and clients over NATS: the public library.

from firmus.worker import Worker, task

@task("charge_card")
async def charge(order: Order) -> dict[str, str]: ...

await Worker("nats://127.0.0.1:4222", [charge]).run()
"""

from firmus.broker.access import Access
from firmus.worker.client import Client, Run, TaskRow, Workflow
from firmus.worker.results import InProgress, NonRetryableError
from firmus.worker.tasks import Task, TaskContext, task
from firmus.worker.worker import Worker

__all__ = [
    "Access",
    "Client",
    "InProgress",
    "NonRetryableError",
    "Run",
    "Task",
    "TaskContext",
    "TaskRow",
    "Worker",
    "Workflow",
    "task",
]
