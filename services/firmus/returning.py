"""Begun tasks that reached nobody, as their worker left meanwhile: they are offered again at once,
and do not wait for their response timeout.
"""

import asyncio
import itertools
import secrets
from collections.abc import Coroutine, Iterable
from typing import Any

import msgspec

from firmus.ports import DeciderPort, Unavailable
from firmus_contracts.commands import Accepted, BeginTask, RequeueTask

ACTOR = "undelivered"


class _Begun(msgspec.Struct, rename="camel"):
    task_id: str
    workflow_instance_id: str


_begun = msgspec.json.Decoder(_Begun)


class Returns:
    """Asks in the background; what cannot be asked for is left to the response timeout."""

    def __init__(self, decider: DeciderPort) -> None:
        self._decider = decider
        self._ids = (f"{secrets.token_hex(8)}.{number}" for number in itertools.count(1))
        self._asking: set[asyncio.Task[None]] = set()

    def give_back(self, tasks: Iterable[msgspec.Raw]) -> None:
        """Tasks as they would have been answered."""
        for task in tasks:
            begun = _begun.decode(task)
            self._start(self._requeue(begun.workflow_instance_id, begun.task_id))

    def take_back(self, command: BeginTask) -> None:
        """A task whose begin is under way; the command is repeated to hear whether it was ours."""
        self._start(self._begun_and_back(command))

    async def finish(self) -> None:
        """Waits for what was asked."""
        while self._asking:
            await asyncio.wait(self._asking)

    async def _begun_and_back(self, command: BeginTask) -> None:
        try:
            answer = await self._decider.submit(command)
        except Unavailable:
            return
        if isinstance(answer, Accepted):
            await self._requeue(command.workflow_id, command.task_id)

    async def _requeue(self, workflow_id: str, task_id: str) -> None:
        """A refusal means that the task has ended meanwhile."""
        command = RequeueTask(
            command_id=f"{task_id}/back/{next(self._ids)}",
            workflow_id=workflow_id,
            actor=ACTOR,
            task_id=task_id,
        )
        try:
            await self._decider.submit(command)
        except Unavailable:
            return

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
