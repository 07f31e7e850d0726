"""The decider over core NATS: `firmus.cmd.<shard>`, request and reply.

A command that is not answered is repeated under its own id, which makes that safe; after five
seconds the log itself is asked whether it was committed.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from firmus.broker.connection import Connection
from firmus.broker.wire import JetStreamWire, Unanswered
from firmus.eventlog.history import Loaded, load_state
from firmus.eventlog.port import BlobStore, EventLog, LogUnavailable
from firmus.ports import DeciderPort, Unavailable
from firmus.transport.claims import MESSAGE_MAX_BYTES, checked_in, checked_out
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids, subjects
from firmus_contracts.envelope import Record

ANSWER_WITHIN_S = 5.0
ASK_AGAIN_AFTER_S = 1.5
NOBODY_THERE_PAUSE_S = 0.05
QUEUE_GROUP = "deciders"

_log = logging.getLogger(__name__)
_encode = msgspec.json.encode
_commands: msgspec.json.Decoder[cmd.Command] = msgspec.json.Decoder(cmd.Command)
_answers: msgspec.json.Decoder[cmd.Answer] = msgspec.json.Decoder(cmd.Answer)


class DeciderServer:
    """Answers commands of some shards for a decider in this process."""

    def __init__(
        self, connection: Connection, decider: DeciderPort, blobs: BlobStore | None = None
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._decider = decider
        self._subscriptions: dict[int, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def own(self, shards: Iterable[int]) -> None:
        """Answers exactly these shards from now on."""
        wanted = set(shards)
        for shard in self._subscriptions.keys() - wanted:
            await self._connection.close_lane(self._subscriptions.pop(shard))
        for shard in wanted - self._subscriptions.keys():
            subject = subjects.command_subject(shard)
            self._subscriptions[shard] = await self._connection.open_lane(
                subject, self._received, queue=QUEUE_GROUP
            )

    async def stop(self) -> None:
        await self.own(())
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _received(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del subject, header
        task = asyncio.get_running_loop().create_task(self._answer(reply, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, reply: bytes, data: bytes) -> None:
        try:
            command = _commands.decode(data)
            if command.claims and self._blobs is not None:
                command = await checked_out(command, self._blobs)
            answer: cmd.Answer = await self._decider.submit(command)
        except msgspec.DecodeError as problem:
            answer = cmd.Rejected(code="INVALID", message=str(problem))
        except (KeyError, ValueError) as problem:
            answer = cmd.Rejected(code="INVALID", message=f"a value of the command: {problem}")
        except (Unavailable, Unanswered):
            return  # the sender asks again
        told = _encode(answer)
        if not reply or not self._connection.is_connected:
            return
        if len(told) > self._connection.max_payload:
            _log.error("the answer to %s does not fit in a message", command.command_id)
            return
        self._connection.send(b"PUB %b %d\r\n%b\r\n" % (reply, len(told), told))


class RemoteDecider:
    """Implements `ports.DeciderPort` for a process without a decider of its own.

    Reads fold the workflow's own subject; a few states are kept and carried on from.
    """

    def __init__(
        self,
        connection: Connection,
        log: EventLog,
        *,
        shards: int,
        cached_max: int = 2_000,
        blobs: BlobStore | None = None,
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._log = log
        self._shards = shards
        self._cached_max = cached_max
        self._cache: OrderedDict[str, Loaded] = OrderedDict()
        self._wire: JetStreamWire | None = None
        self._opening = asyncio.Lock()

    async def submit(self, command: cmd.Command) -> cmd.Answer:
        subject = subjects.command_subject(ids.shard_of(command.workflow_id, self._shards))
        data = _encode(command)
        if len(data) > MESSAGE_MAX_BYTES and self._blobs is not None:
            try:
                data = _encode(await checked_in(command, self._blobs))
            except Unanswered as problem:
                raise Unavailable(str(problem)) from problem
        wire = self._wire or await self._opened()
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_WITHIN_S
        while loop.time() < until:
            try:
                return _answers.decode(await wire.request(subject, data))
            except Unanswered:
                await asyncio.sleep(NOBODY_THERE_PAUSE_S)
        return await self._from_log(command)

    async def _opened(self) -> JetStreamWire:
        async with self._opening:
            if self._wire is None:
                try:
                    self._wire = await JetStreamWire.open(
                        self._connection, answer_timeout_s=ASK_AGAIN_AFTER_S
                    )
                except NatsError as problem:
                    raise Unavailable(f"no connection: {problem!r}") from problem
            return self._wire

    async def _from_log(self, command: cmd.Command) -> cmd.Answer:
        """Looks for the command among those that the workflow's log says it answered."""
        loaded = await self._load(command.workflow_id)
        version = loaded.state.recent.version(command.command_id) if loaded.state else None
        if version is None or isinstance(command, cmd.BeginTask):
            raise Unavailable("no decider answered in time")
        result = msgspec.Raw(b"null")
        if isinstance(command, cmd.UpdateTask) and loaded.state is not None:
            row = loaded.state.tasks.get(ids.ordinal_of(command.task_id))
            if row is not None:
                outcome = cmd.UpdateOutcome(
                    task_id=command.task_id,
                    task_type=row.made.task_type,
                    domain=row.made.domain,
                    terminal=row.status.terminal,
                )
                result = msgspec.Raw(_encode(outcome))
        return cmd.Accepted(workflow_id=command.workflow_id, version=version, result=result)

    async def read(self, workflow_id: str) -> WorkflowState | None:
        return (await self._load(workflow_id)).state

    async def history(self, workflow_id: str) -> list[Record]:
        try:
            return await self._log.read(workflow_id)
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem

    async def _load(self, workflow_id: str) -> Loaded:
        start = self._cache.get(workflow_id, Loaded())
        try:
            loaded = await load_state(self._log, workflow_id, start=start)
        except LogUnavailable as problem:
            raise Unavailable(str(problem)) from problem
        if loaded.state is not None:
            self._cache[workflow_id] = loaded
            self._cache.move_to_end(workflow_id)
            if len(self._cache) > self._cached_max:
                self._cache.popitem(last=False)
        return loaded
