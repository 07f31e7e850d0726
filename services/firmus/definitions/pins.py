"""Resolved snapshots: stored once by the hash of their bytes, kept ready as blueprints.

A pin is reused until something it was made of changes, so a start costs no encoding.
"""

from collections import OrderedDict

import msgspec

from firmus.definitions.aggregate import task_id, workflow_id
from firmus.definitions.catalogue import Catalogue
from firmus.definitions.snapshot import resolve
from firmus.eventlog.port import BlobStore
from firmus.ports import Pinned
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import WORKFLOW_DEF_DECODER, TaskDef, WorkflowDef

_BLUEPRINTS_MAX = 1024


class _Pin(msgspec.Struct):
    """`valid_at` is the newest position of the catalogue for which the pin is known to hold."""

    pinned: Pinned
    made_of: tuple[str, ...]
    valid_at: int


class _Recorder:
    """The catalogue's look-ups, noting which aggregates were asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.asked: set[str] = set()

    def task(self, name: str) -> TaskDef | None:
        self.asked.add(task_id(name))
        return self._catalogue.task(name)

    def latest_version(self, name: str) -> int | None:
        self.asked.add(workflow_id(name))
        return self._catalogue.latest_version(name)


class Pins:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._pins: dict[tuple[str, int | None], _Pin] = {}
        self._blueprints: OrderedDict[str, Blueprint] = OrderedDict()

    async def pin(self, catalogue: Catalogue, name: str, version: int | None) -> Pinned | None:
        """The snapshot of a registered definition; None when there is none. Raises Refusal."""
        key = (name, version)
        pin = self._pins.get(key)
        if pin is not None and _still_valid(pin, catalogue):
            return pin.pinned
        position = catalogue.position
        definition = catalogue.workflow(name, version)
        if definition is None:
            self._pins.pop(key, None)
            return None
        lookups = _Recorder(catalogue)
        resolved = resolve(definition, lookups.task, lookups.latest_version)
        made_of = (workflow_id(name), *lookups.asked)
        pinned = await self._store(resolved)
        self._pins[key] = _Pin(pinned, made_of, position)
        return pinned

    async def pin_inline(self, catalogue: Catalogue, definition: WorkflowDef) -> Pinned:
        """The snapshot of a definition that came with a start. Raises Refusal."""
        return await self._store(resolve(definition, catalogue.task, catalogue.latest_version))

    async def pinned(self, sha256: str) -> Blueprint:
        """Raises KeyError when nothing is stored under that hash, ValueError when it is damaged."""
        found = self._blueprints.get(sha256)
        if found is None:
            found = self._keep(sha256, await self._blobs.get(sha256))
        self._blueprints.move_to_end(sha256)
        return found

    async def _store(self, resolved: WorkflowDef) -> Pinned:
        data = msgspec.json.encode(resolved)
        sha256 = await self._blobs.put(data)
        # Decoded from the stored bytes, so that every process works with the very same values.
        return Pinned(sha256, self._blueprints.get(sha256) or self._keep(sha256, data))

    def _keep(self, sha256: str, data: bytes) -> Blueprint:
        blueprint = Blueprint(WORKFLOW_DEF_DECODER.decode(data), sha256)
        self._blueprints[sha256] = blueprint
        if len(self._blueprints) > _BLUEPRINTS_MAX:
            self._blueprints.popitem(last=False)
        return blueprint


def _still_valid(pin: _Pin, catalogue: Catalogue) -> bool:
    if pin.valid_at == catalogue.position:
        return True
    if any(catalogue.changed_at(identity) > pin.valid_at for identity in pin.made_of):
        return False
    pin.valid_at = catalogue.position
    return True
