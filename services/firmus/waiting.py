"""Waiting until a workflow has ended or blocks, without polling (spec 8.4.1).

A waiter reads the workflow and, depth first, its open sub-workflows; when nothing blocks yet it
watches all that it has read and looks again when a decider says so. Reads are never behind, and a
watch names the version that was read, so no commit falls between the two. It works as well over a
decider of another process, and goes on when that one is restarted.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import NamedTuple

import msgspec

from firmus.ports import DeciderPort, Unavailable, Watch, WatchPort
from firmus.workflow.blocking import child_of, children, is_over, stops, waits
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts.commands import Accepted, UpdateOutcome, UpdateTask
from firmus_contracts.errors import Refusal

WAITING_MAX = 4_096
LOOK_AGAIN_S = 10.0
"""How long a waiter trusts a decider that says nothing."""
PAUSE_S = 0.25
"""Between two tries while nobody can be asked."""
_OUTCOME: msgspec.json.Decoder[UpdateOutcome | None] = msgspec.json.Decoder(UpdateOutcome | None)


class Found(NamedTuple):
    """A task, and the state of the workflow that holds it."""

    state: WorkflowState
    row: TaskState


class Waited(NamedTuple):
    """How a wait ended: the workflow that was waited for, and the task that blocks, if any.

    `timed_out`: the time was up before it had ended or blocked.
    """

    target: WorkflowState
    blocking: Found | None
    timed_out: bool


class Waits:
    """The waits of one process, at most `waiting_max` at a time."""

    def __init__(
        self, decider: DeciderPort, watches: WatchPort, *, waiting_max: int = WAITING_MAX
    ) -> None:
        self._decider = decider
        self._watches = watches
        self._waiting_max = waiting_max
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the waiting, taken before anything is started. Raises Refusal
        TOO_MANY_REQUESTS.
        """
        if self._count >= self._waiting_max:
            message = f"{self._waiting_max} synchronous calls wait at this server already"
            raise Refusal("TOO_MANY_REQUESTS", message)
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    async def until_blocked(
        self, workflow_id: str, *, refs: Collection[str] = (), timeout_s: float
    ) -> Waited | None:
        """Waits until the workflow has ended, a WAIT blocks it, or a task of `refs` has ended, here
        or in an open sub-workflow. Without time (0 or less) it looks once.

        None: there is no such workflow, or none any more. Raises Unavailable when nobody could
        tell until the time was up.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        look = _Look(self._decider, self._watches, refs)
        try:
            while True:
                left_s = until - loop.time()
                try:
                    waited = await look.at(workflow_id, last=left_s <= 0)
                    if waited is None or waited.blocking or waited.target.status.terminal:
                        return waited
                    if left_s <= 0:
                        return waited._replace(timed_out=True)
                    await look.until_changed(min(left_s, LOOK_AGAIN_S))
                except Unavailable:
                    if left_s <= 0:
                        raise
                    await asyncio.sleep(min(PAUSE_S, left_s))
        finally:
            look.close()

    async def to_signal(self, workflow_id: str) -> Found | None:
        """The WAIT that a signal goes to: the workflow's first, else the first of its open
        sub-workflows. Raises Unavailable.
        """
        state = await self._decider.read(workflow_id)
        if state is None or is_over(state):
            return None
        for row in waits(state):
            return Found(state, row)
        for child_id in children(state):
            found = await self.to_signal(child_id)
            if found is not None:
                return found
        return None

    async def signal(
        self,
        workflow_id: str,
        report: Callable[[Found], UpdateTask],
        submit: Callable[[UpdateTask], Awaitable[Accepted]],
    ) -> bool:
        """Sends what `report` makes of the WAIT to signal; whether there was one.

        One that ends under our hands is no longer the first: the signal goes to the next, as if it
        had come a moment later. Raises what `submit` raises, and Unavailable.
        """
        further = 0
        while (found := await self.to_signal(workflow_id)) is not None:
            command = report(found)
            if further:
                command_id = f"{command.command_id}/{further}"
                command = msgspec.structs.replace(command, command_id=command_id)
            if not _was_late(await submit(command)):
                return True
            further += 1
        return False


def _was_late(answer: Accepted) -> bool:
    """An answer that only says that the command was carried out has no outcome."""
    outcome = _OUTCOME.decode(answer.result)
    return outcome is not None and outcome.ignored


class _Look:
    """What one waiter has read, and its watches on that."""

    def __init__(self, decider: DeciderPort, watches: WatchPort, refs: Collection[str]) -> None:
        self._decider = decider
        self._watches = watches
        self._refs = tuple(refs)
        self._read: dict[str, WorkflowState | None] = {}
        self._watching: dict[asyncio.Task[bool], str] = {}

    async def at(self, workflow_id: str, *, last: bool) -> Waited | None:
        """The workflow and what blocks it now. `last`: nothing that was read before counts."""
        if last:
            self._read.clear()
        self._read.pop(workflow_id, None)
        target = present(await self._state(workflow_id))
        if target is None:
            return None
        return Waited(target, await self._blocking(target), timed_out=False)

    async def until_changed(self, timeout_s: float) -> None:
        """Waits for a change of anything that was read, and forgets what has changed."""
        for workflow_id in self._read.keys() - set(self._watching.values()):
            state = self._read[workflow_id]
            if state is None or not is_over(state):
                self._watch(workflow_id, state.version if state else 0, timeout_s)
        done, _ = await asyncio.wait(
            self._watching, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            self._read.pop(self._watching.pop(task), None)
        for problem in [task.exception() for task in done]:
            if problem is not None:
                raise problem

    def close(self) -> None:
        for task in self._watching:
            task.cancel()
            task.add_done_callback(_forgotten)

    def _watch(self, workflow_id: str, seen: int, timeout_s: float) -> None:
        watch = Watch(workflow_id=workflow_id, seen=seen, refs=self._refs)
        changed = self._watches.changed(watch, timeout_s=timeout_s)
        self._watching[asyncio.ensure_future(changed)] = workflow_id

    async def _blocking(self, state: WorkflowState) -> Found | None:
        for row in stops(state, self._refs):
            child_id = child_of(row)
            if child_id is None:
                return Found(state, row)
            child = await self._state(child_id)
            if child is not None and not is_over(child):
                found = await self._blocking(child)
                if found is not None:
                    return found
        return None

    async def _state(self, workflow_id: str) -> WorkflowState | None:
        """What has not started or has ended is read anew: a retry may have revived it."""
        known = self._read.get(workflow_id)
        if known is None or is_over(known):
            known = self._read[workflow_id] = await self._decider.read(workflow_id)
        return known


def _forgotten(task: asyncio.Task[bool]) -> None:
    """Nobody asks any more how the watch ended."""
    if not task.cancelled():
        task.exception()
