"""A task as what answers it is told of it, and waiting for an answer that comes by and by."""

import asyncio
import inspect
from typing import Any

import msgspec


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is handed out, its input as the worker sees it."""

    task_id: str
    workflow_id: str
    workflow_name: str
    correlation_id: str | None
    ref: str
    attempt: int
    iteration: int
    input: dict[str, Any]


def awaited(result: Any) -> Any:
    """The result of a function that may be asynchronous. Raises TypeError inside of a loop."""
    if not inspect.iscoroutine(result):
        return result
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(result)
    result.close()
    raise TypeError(
        "an async function cannot be played by an async test; make the test a plain one"
    )
