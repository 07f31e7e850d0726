"""From the hits of a search to what the log says of them now.

The read model answers with encoded summaries; of these only the id is read here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import msgspec

_READS_AT_ONCE = 64

_T = TypeVar("_T")


class _Workflow(msgspec.Struct, rename="camel"):
    workflow_id: str


class _Task(msgspec.Struct, rename="camel"):
    task_id: str


_WORKFLOW = msgspec.json.Decoder(_Workflow)
_TASK = msgspec.json.Decoder(_Task)


def workflow_ids(hits: Iterable[msgspec.Raw]) -> list[str]:
    """Of each hit its workflow, be it a workflow or a task."""
    return [_WORKFLOW.decode(hit).workflow_id for hit in hits]


def task_ids(hits: Iterable[msgspec.Raw]) -> list[str]:
    return [_TASK.decode(hit).task_id for hit in hits]


async def read_each(found: list[str], read: Callable[[str], Awaitable[_T | None]]) -> list[_T]:
    """What reading each id gives, in their order, those left out that are gone since."""
    limit = asyncio.Semaphore(_READS_AT_ONCE)

    async def one(identifier: str) -> _T | None:
        async with limit:
            return await read(identifier)

    return [item for item in await asyncio.gather(*map(one, found)) if item is not None]
