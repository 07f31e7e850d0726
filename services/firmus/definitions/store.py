"""The definitions store: writes are aggregates' events, reads a fold of their stream.

Before each answer the fold is brought up to the stream's last sequence, so a registration answered
anywhere is seen everywhere at once. Callers at the same time share one such check: one that begins
after a call began covers it.
"""

from collections.abc import Callable

from firmus.broker.access import Servers
from firmus.broker.wire import JetStreamWire
from firmus.definitions import aggregate as aggregates
from firmus.definitions.aggregate import Aggregate, Event
from firmus.definitions.authors import signed
from firmus.definitions.catalogue import Catalogue
from firmus.definitions.pins import Pins
from firmus.definitions.tags import each_with_name, identity_of, names_with, present, retag
from firmus.eventlog.port import BlobStore
from firmus.eventlog.recorder_journal import Journal, SharedCheck, StreamJournal, Writer
from firmus.ports import Clock, Pinned, TagChange, TagOwner
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.requests import Tag
from firmus_contracts.subjects import DEFINITIONS_STREAM, DEFINITIONS_SUBJECTS


class Definitions:
    """`ports.DefinitionsPort` over a journal."""

    def __init__(self, journal: Journal, blobs: BlobStore, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._catalogue = Catalogue()
        self._pins = Pins(blobs)
        self._fresh = SharedCheck(self._catch_up)
        self._writer = Writer(journal, self._fresh)

    async def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None:
        await self._fresh()
        return self._catalogue.workflow(name, version)

    async def workflows(self) -> list[WorkflowDef]:
        await self._fresh()
        return self._catalogue.workflows()

    async def task(self, name: str) -> TaskDef | None:
        await self._fresh()
        return self._catalogue.task(name)

    async def tasks(self) -> list[TaskDef]:
        await self._fresh()
        return self._catalogue.tasks()

    async def last_change(self) -> int:
        await self._fresh()
        return self._catalogue.position

    async def pin(self, name: str, version: int | None = None) -> Pinned | None:
        await self._fresh()
        return await self._pins.pin(self._catalogue, name, version)

    async def pin_inline(self, definition: WorkflowDef) -> Pinned:
        await self._fresh()
        return await self._pins.pin_inline(self._catalogue, definition)

    async def pinned(self, sha256: str) -> Blueprint:
        return await self._pins.pinned(sha256)

    async def put_workflow(
        self, definition: WorkflowDef, *, overwrite: bool, actor: str = ""
    ) -> None:
        await self._write(
            aggregates.workflow_id(definition.name),
            actor,
            lambda found, now_ms: aggregates.put_workflow(
                found, definition, overwrite=overwrite, now_ms=now_ms
            ),
        )

    async def delete_workflow(self, name: str, version: int, *, actor: str = "") -> bool:
        return await self._write(
            aggregates.workflow_id(name),
            actor,
            lambda found, now_ms: aggregates.delete_workflow(found, name, version, now_ms=now_ms),
        )

    async def put_task(
        self, definition: TaskDef, *, must_exist: bool = False, actor: str = ""
    ) -> None:
        await self._write(
            aggregates.task_id(definition.name),
            actor,
            lambda found, now_ms: aggregates.put_task(
                found, definition, must_exist=must_exist, now_ms=now_ms
            ),
        )

    async def delete_task(self, name: str, *, actor: str = "") -> bool:
        return await self._write(
            aggregates.task_id(name),
            actor,
            lambda found, now_ms: aggregates.delete_task(found, name, now_ms=now_ms),
        )

    async def schema(self, name: str, version: int | None = None) -> SchemaDef | None:
        await self._fresh()
        return self._catalogue.schema(name, version)

    async def schemas(self) -> list[SchemaDef]:
        await self._fresh()
        return self._catalogue.schemas()

    async def put_schema(
        self, name: str, schema: SchemaDef, *, new_version: bool = False, actor: str = ""
    ) -> None:
        await self._write(
            aggregates.schema_id(name),
            actor,
            lambda found, now_ms: aggregates.put_schema(
                found, name, schema, new_version=new_version, now_ms=now_ms
            ),
        )

    async def delete_schemas(
        self, name: str, version: int | None = None, *, actor: str = ""
    ) -> bool:
        return await self._write(
            aggregates.schema_id(name),
            actor,
            lambda found, now_ms: aggregates.delete_schemas(found, name, version, now_ms=now_ms),
        )

    async def all_tags(self) -> list[tuple[str, Tag]]:
        await self._fresh()
        return each_with_name(self._catalogue.tagged())

    async def tags(self, what: TagOwner, name: str) -> list[Tag]:
        await self._fresh()
        found = self._catalogue.aggregate(identity_of(what, name))
        return list(present(found, what, name).tags)

    async def tagged(
        self, what: TagOwner, key: str | None = None, value: str | None = None
    ) -> set[str]:
        await self._fresh()
        return names_with(self._catalogue.tagged(), what, key, value)

    async def retag(
        self, what: TagOwner, name: str, change: TagChange, tags: list[Tag], *, actor: str = ""
    ) -> None:
        await self._write(
            identity_of(what, name),
            actor,
            lambda found, now_ms: retag(found, what, name, change, tags, now_ms=now_ms),
        )

    async def _write(
        self, identity: str, actor: str, decide: Callable[[Aggregate, int], Event | None]
    ) -> bool:
        """False when there was nothing to do."""

        def decided() -> Event | None:
            found = self._catalogue.aggregate(identity)
            return signed(found, decide(found, self._clock.now_ms()), actor)

        return await self._writer.write(identity, decided) is not None

    async def _catch_up(self) -> None:
        await self._journal.catch_up(self._catalogue)


class JetStreamDefinitions(Definitions):
    """Definitions in the DEFINITIONS stream, which exists already.

    `wire` belongs to the running loop and reads. The first write opens a thread with a connection
    of its own to `servers`; `close` ends it.
    """

    def __init__(
        self, *, wire: JetStreamWire, servers: Servers, blobs: BlobStore, clock: Clock
    ) -> None:
        journal = StreamJournal(
            wire,
            servers,
            stream=DEFINITIONS_STREAM,
            subjects=DEFINITIONS_SUBJECTS,
            what="definition",
        )
        super().__init__(journal, blobs, clock)
        self.close = journal.close
