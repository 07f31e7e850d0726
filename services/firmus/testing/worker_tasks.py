"""Functions of `firmus.worker` as answers: called as the worker would call them."""

from typing import Any, TypeGuard

import msgspec

from firmus.rehearsal.agenda import Reply
from firmus.testing.handed import Handed, awaited
from firmus.worker.results import raised, returned, unreadable_input
from firmus.worker.tasks import Polled, Task, TaskContext


def is_worker_task(function: object) -> TypeGuard[Task[..., Any]]:
    return isinstance(function, Task)


def worked(function: Task[..., Any], handed: Handed) -> Reply:
    """What the worker would report. A failed assertion is the test's, and ends it."""
    polled = Polled(
        task_id=handed.task_id,
        workflow_instance_id=handed.workflow_id,
        workflow_type=handed.workflow_name,
        reference_task_name=handed.ref,
        correlation_id=handed.correlation_id,
        retry_count=handed.attempt - 1,
        iteration=handed.iteration,
        input_data=msgspec.Raw(msgspec.json.encode(handed.input)),
    )
    try:
        arguments = function.arguments(polled, TaskContext(polled, lambda: 0))
    except msgspec.ValidationError as error:
        result = unreadable_input(function.name, error)
    else:
        try:
            result = returned(awaited(function(**arguments)))
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 - as a worker takes it
            result = raised(error)
    return Reply(
        status=result.status,
        output=result.output or {},
        reason=result.reason,
        callback_after_s=result.callback_after_s,
    )
