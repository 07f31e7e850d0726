"""Checkpoints: the state of a shard at a log position, so that a start reads only what came after.

Each shard has its own, written when it changed. A shard that did not change stays good for later
positions too; the index says up to which. Whatever is missing, damaged or of another format is
left out, and its part of the log is folded again.
"""

import sys
from collections.abc import Mapping
from typing import Protocol

import msgspec

from firmus.scheduler.children import Effect
from firmus.scheduler.fold import Fold
from firmus.scheduler.rows import Flow, Row, Shard, gate_name
from firmus_contracts import ids
from firmus_contracts.envelope import ENGINE_VERSION

FORMAT = 2
INDEX = "scheduler-index"


class CheckpointStore(Protocol):
    """Named values; a new one replaces the old one as a whole."""

    async def put(self, name: str, data: bytes) -> None: ...

    async def get(self, name: str) -> bytes | None: ...


class Image(msgspec.Struct, array_like=True):
    """A shard as it is stored. `engine` is the build that folded it."""

    format: int
    engine: str
    position: int
    flows: list[Flow]
    owed: list[Effect]
    halted: list[str]
    begun: dict[str, list[int]] = {}


class Good(msgspec.Struct, frozen=True, array_like=True):
    """The image made at `position` is still the whole state at `until`."""

    position: int
    until: int


class Index(msgspec.Struct, frozen=True, array_like=True):
    format: int
    shards: dict[int, Good]


_ENCODER = msgspec.msgpack.Encoder()
_IMAGES = msgspec.msgpack.Decoder(Image)
_INDEX = msgspec.msgpack.Decoder(Index)


def shard_name(shard: int) -> str:
    return f"scheduler-shard-{shard}"


def encode_shard(fold: Fold, number: int, shard_count: int) -> bytes:
    """The image of a shard. Pauses the caller for about 1.5 us per open workflow."""
    shard = fold.shards[number]
    owed = [
        effect
        for effect in fold.owed.values()
        if ids.shard_of(effect.workflow_id, shard_count) == number
    ]
    return _ENCODER.encode(
        Image(
            FORMAT,
            ENGINE_VERSION,
            shard.position,
            list(shard.flows.values()),
            owed,
            sorted(shard.halted),
            fold.gates.lately(shard.begun),
        )
    )


def encode_index(shards: Mapping[int, Good]) -> bytes:
    return _ENCODER.encode(Index(FORMAT, dict(shards)))


def decode_index(stored: bytes | None) -> Mapping[int, Good]:
    if stored is None:
        return {}
    try:
        index = _INDEX.decode(stored)
    except msgspec.DecodeError:
        return {}
    return index.shards if index.format == FORMAT else {}


def decode_shard(stored: bytes | None) -> Image | None:
    """The image, if this build can go on from it: a workflow that was halted by another build
    may be readable now, so its shard is folded again.
    """
    if stored is None:
        return None
    try:
        image = _IMAGES.decode(stored)
    except msgspec.DecodeError:
        return None
    if image.format != FORMAT or (image.halted and image.engine != ENGINE_VERSION):
        return None
    return image


def restore(fold: Fold, number: int, image: Image, good: Good | None = None) -> None:
    """Puts a shard's image into a fold that has nothing of that shard yet."""
    position = image.position
    if good is not None and good.position == position:
        position = max(position, good.until)
    shard = fold.shards[number] = Shard(
        position=position, halted=set(image.halted), begun=image.begun
    )
    waiting: list[Row] = []
    children: list[Row] = []
    for flow in image.flows:
        shard.flows[flow.workflow_id] = flow
        _rearm(fold, flow)
        if flow.gate is not None:
            fold.lines.joined(flow)
        for row in flow.rows.values():
            if row.queued:
                waiting.append(row)
            elif row.child_id is not None:
                children.append(row)
    fold.queues.restore(waiting)
    fold.children.restore(children)
    for row in (*waiting, *children):
        if row.limits is not None:
            fold.gates.bring(gate_name(row), row.limits)
    fold.gates.remember(image.begun)
    for effect in image.owed:
        fold.owe(effect)


def _rearm(fold: Fold, flow: Flow) -> None:
    """Timers lie where deadlines are; where the timeline had them does not matter."""
    flow.armed_ms = 0
    if flow.timeout_s:
        fold.timeline.arm(flow, flow.deadline_ms())
    for row in flow.rows.values():
        row.armed_ms = 0
        row.workflow_id = flow.workflow_id
        row.task_type = sys.intern(row.task_type)
        if row.timeouts is not None:
            row.timeouts = fold.same(row.timeouts)
        if row.timeouts is not None or row.waits_ms:
            fold.timeline.arm(row, row.deadline_ms())


def follow_from(fold: Fold) -> int:
    """The position after which the log has to be read."""
    return min((shard.position for shard in fold.shards.values()), default=0)
