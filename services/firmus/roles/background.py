"""Work beside a service, for as long as it lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any


@contextlib.asynccontextmanager
async def background(*work: Any) -> AsyncIterator[None]:
    """Runs coroutines beside the block; their faults end it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
