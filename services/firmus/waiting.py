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
import structlog

from firmus.ports import DeciderPort, Unavailable, Watch, WatchPort
from firmus.workflow.blocking import child_of, children, is_over, stops, waits
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts.commands import Accepted, UpdateOutcome, UpdateTask
from firmus_contracts.errors import Refusal

log = structlog.get_logger(__name__)

WAITING_MAX = 4_096
LOOK_AGAIN_S = 10.0
"""How long a waiter trusts a decider that says nothing."""
PAUSE_S = 0.25
"""Between two tries while nobody can be asked."""
REST_PER_ROW_S = 20e-6
"""After a look, for each open row that it has seen (about 1 us): a wide fork that moves all the
time costs its waiter a twentieth of the processor, not all of it.
"""
REST_MIN_S = 0.002
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
        look = _Look(self._decider, self._watches, workflow_id, refs)
        try:
            while True:
                left_s = until - loop.time()
                if left_s <= 0:
                    look.begin_anew()
                try:
                    waited = await look.at_changes()
                except Unavailable:
                    if left_s <= 0:
                        raise
                    look.begin_anew()
                    await asyncio.sleep(min(PAUSE_S, left_s))
                    continue
                if waited is None or waited.blocking or waited.target.status.terminal:
                    return waited
                if left_s <= 0:
                    return waited._replace(timed_out=True)
                await look.until_changed(until)
        finally:
            look.begin_anew()

    async def to_signal(self, workflow_id: str) -> Found | None:
        """The WAIT that a signal goes to: the workflow's first, else the first of its open
        sub-workflows, of which an idempotency key may make a ring. Raises Unavailable.
        """
        pending, seen = [workflow_id], {workflow_id}
        while pending:
            state = await self._decider.read(pending.pop())
            if state is None or is_over(state):
                continue
            for row in waits(state):
                return Found(state, row)
            further = [child_id for child_id in children(state) if child_id not in seen]
            seen.update(further)
            pending.extend(reversed(further))
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
    """What one waiter looks at: a workflow and its running children, each watched from the version
    that was read. Only what has changed is read again: nothing of the rest blocks.
    """

    def __init__(
        self, decider: DeciderPort, watches: WatchPort, workflow_id: str, refs: Collection[str]
    ) -> None:
        self._decider = decider
        self._watches = watches
        self._workflow_id = workflow_id
        self._refs = tuple(refs)
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._changed = {workflow_id: True}
        self._told = asyncio.Event()
        self._rest_s = 0.0

    def begin_anew(self) -> None:
        """Watches nothing any more; the next look reads everything."""
        for task in self._watching.values():
            task.cancel()
        self._watching.clear()
        self._changed = {self._workflow_id: True}

    async def at_changes(self) -> Waited | None:
        """The workflow, and the first task that blocks in what has changed; None: no workflow."""
        target = present(await self._decider.read(self._workflow_id))
        if target is None:
            return None
        changed, self._changed = self._changed, {}
        self._rest_s = 0.0
        seen: dict[str, int] = {}
        for workflow_id in changed:
            if workflow_id == self._workflow_id:
                blocking = await self._blocking(target, seen)
            else:
                blocking = await self._blocking_child(workflow_id, seen)
            if blocking is not None:
                return Waited(target, blocking, timed_out=False)
        for workflow_id, version in seen.items():
            self._watching[workflow_id] = asyncio.create_task(self._watch(workflow_id, version))
        return Waited(target, None, timed_out=False)

    async def until_changed(self, until: float) -> None:
        """Waits for a change, at the longest until that time of the loop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                if self._rest_s > REST_MIN_S:
                    await asyncio.sleep(self._rest_s)
                self._told.clear()
                if not self._changed:
                    await self._told.wait()

    async def _watch(self, workflow_id: str, version: int) -> None:
        watch = Watch(workflow_id=workflow_id, seen=version, refs=self._refs)
        try:
            await self._watches.changed(watch, timeout_s=LOOK_AGAIN_S)
        except Unavailable:
            await asyncio.sleep(PAUSE_S)
        except Exception:
            # A watch that ended in silence would leave its waiter to its timeout.
            log.exception("a watch failed", workflow_id=workflow_id)
            await asyncio.sleep(PAUSE_S)
        del self._watching[workflow_id]
        self._changed[workflow_id] = True
        self._told.set()

    async def _blocking(self, state: WorkflowState, seen: dict[str, int]) -> Found | None:
        """Searches a workflow depth first; `seen` gets what it has read, with its version."""
        seen[state.workflow_id] = state.version
        self._rest_s += len(state.pending) * REST_PER_ROW_S
        for row in stops(state, self._refs):
            child_id = child_of(row)
            if child_id is None:
                return Found(state, row)
            if child_id not in self._watching and child_id not in seen:
                found = await self._blocking_child(child_id, seen)
                if found is not None:
                    return found
        return None

    async def _blocking_child(self, workflow_id: str, seen: dict[str, int]) -> Found | None:
        """The same for a child, of which the parent may know more, or less, than there is."""
        state = await self._decider.read(workflow_id)
        if state is None:
            seen[workflow_id] = 0
        elif not is_over(state):
            return await self._blocking(state, seen)
        return None
