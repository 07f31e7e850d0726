"""All streams and buckets of firmus, declared; and the record that says how a log was laid out.

Declaring is idempotent and safe when several processes do it at once. What exists already stays as
it is; only properties that firmus cannot do without are checked.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from firmus.broker.connection import BrokerUnsuitable
from firmus.broker.wire import (
    STREAM_NAME_IN_USE,
    STREAM_STORE_FAILED,
    JetStreamWire,
    StreamRefused,
    Unanswered,
    WrongLastSequence,
)
from firmus_contracts import subjects
from firmus_contracts.envelope import ENGINE_VERSION

Durability = Literal["process", "power"]

LEASES_BUCKET = "LEASES"
KEYS_BUCKET = "KEYS"
CACHE_BUCKET = "CACHE"
SLOTS_BUCKET = "SLOTS"
META_BUCKET = "META"
PAYLOADS_BUCKET = "PAYLOADS"
CHECKPOINTS_BUCKET = "CHECKPOINTS"

FORMAT = 1
FIRST_EPOCH = 0
DEFAULT_SHARDS = 16
LEASE_TTL_S = 10
EVENTS_MAX_AGE_S = 7 * 24 * 3600
REJECTED_MAX_AGE_S = 7 * 24 * 3600
REJECTED_MESSAGES_MAX = 1_000_000
HANDLED_MESSAGES_MAX = 1_000_000
DEAD_LETTERS_MAX_AGE_S = 30 * 24 * 3600
SCHEDULE_EVENTS_KEPT = 100
"""Of the runs of each schedule: a claim and its end for each of the last fifty times."""
DUPLICATES_S = 120
PATIENCE_S = 10.0
STORE_TRIES = 20
_NANOS = 1_000_000_000
_LAYOUT_KEY = "layout"
_ESSENTIAL = ("subjects", "retention", "storage", "max_msgs_per_subject", "allow_direct")


class Layout(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The metadata record. `oldest_decider`: the oldest engine version that may write this log."""

    format: int
    shards: int
    cluster_id: str
    epochs: tuple[int, ...]
    oldest_decider: str


async def prepare(
    wire: JetStreamWire,
    *,
    shards: int | None = None,
    replicas: int = 1,
    durability: Durability = "process",
    declares: bool = True,
) -> Layout:
    """Everything that a process needs before it starts: the layout checked, all streams there.

    `declares` False: nothing is made here, another process is waited for.
    `shards` None takes the log as it is (16 for a new one). Raises BrokerUnsuitable, saying why.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            declare = _declare if declares else _await
            await declare(wire, _bucket(META_BUCKET, replicas))
            layout = await _layout(wire, shards or DEFAULT_SHARDS, writes=declares)
            check_layout(layout, shards=shards)
            configs = stream_configs(replicas=replicas, durability=durability, epochs=layout.epochs)
            await asyncio.gather(*(declare(wire, config) for config in configs))
    except TimeoutError:
        why = "does not answer JetStream requests: is it on?"
        if not declares:
            why = "has not all streams yet: a decider makes them (--declare-streams)"
        raise BrokerUnsuitable(f"the broker {why}") from None
    return layout


def check_layout(layout: Layout, *, shards: int | None) -> None:
    """Raises BrokerUnsuitable when this build must not work on such a log."""
    if layout.format != FORMAT:
        raise BrokerUnsuitable(
            f"the log has format {layout.format}, this build reads format {FORMAT}"
        )
    if shards is not None and layout.shards != shards:
        raise BrokerUnsuitable(
            f"the log has {layout.shards} shards, not {shards}: their number is fixed for its life"
        )
    if layout.epochs != (FIRST_EPOCH,):
        raise BrokerUnsuitable(f"the log has epochs {layout.epochs}, this build knows one")
    if _version(ENGINE_VERSION) < _version(layout.oldest_decider):
        raise BrokerUnsuitable(
            f"the log asks for firmus {layout.oldest_decider} or newer, this is {ENGINE_VERSION}"
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def stream_configs(
    *, replicas: int, durability: Durability, epochs: tuple[int, ...] = (FIRST_EPOCH,)
) -> list[dict[str, Any]]:
    """The JetStream configuration of every stream and bucket.

    With `durability` power a decider may commit in groups, for which the log takes atomic batches.
    """
    logs = [
        _stream(
            subjects.log_stream(epoch),
            [subjects.log_subjects(epoch)],
            replicas,
            allow_atomic=durability == "power",
            deny_delete=True,
        )
        for epoch in epochs
    ]
    events: dict[str, Any] = {"max_age": EVENTS_MAX_AGE_S * _NANOS, "allow_batched": True}
    if replicas == 1:
        events["persist_mode"] = "async"
    return [
        *logs,
        _stream(subjects.EVENTS_STREAM, list(subjects.EVENTS_SUBJECTS), replicas, **events),
        _stream(subjects.START_STREAM, [subjects.START_SUBJECTS], replicas, retention="workqueue"),
        _stream(
            subjects.DEAD_LETTER_STREAM,
            [subjects.DEAD_LETTER_SUBJECTS],
            replicas,
            max_age=DEAD_LETTERS_MAX_AGE_S * _NANOS,
        ),
        _stream(
            subjects.REJECTED_STREAM,
            [subjects.REJECTED_SUBJECTS],
            replicas,
            max_msgs=REJECTED_MESSAGES_MAX,
            max_age=REJECTED_MAX_AGE_S * _NANOS,
        ),
        _stream(subjects.DEFINITIONS_STREAM, [subjects.DEFINITIONS_SUBJECTS], replicas),
        _stream(subjects.KEYS_STREAM, [subjects.KEYS_SUBJECTS], replicas),
        _stream(subjects.SCHEDULES_STREAM, [subjects.SCHEDULES_SUBJECTS], replicas),
        _stream(subjects.HANDLERS_STREAM, [subjects.HANDLERS_SUBJECTS], replicas),
        _stream(
            subjects.HANDLED_STREAM,
            [subjects.HANDLED_SUBJECTS],
            replicas,
            max_msgs=HANDLED_MESSAGES_MAX,
            max_age=EVENTS_MAX_AGE_S * _NANOS,
        ),
        _stream(
            subjects.MESSAGES_STREAM,
            [subjects.MESSAGES_SUBJECTS],
            replicas,
            max_age=EVENTS_MAX_AGE_S * _NANOS,
        ),
        _stream(
            subjects.SCHEDULE_RUNS_STREAM,
            [subjects.SCHEDULE_RUNS_SUBJECTS],
            replicas,
            max_msgs_per_subject=SCHEDULE_EVENTS_KEPT,
            allow_atomic=True,
        ),
        _bucket(LEASES_BUCKET, replicas, ttl_s=LEASE_TTL_S),
        _bucket(KEYS_BUCKET, replicas),
        _bucket(CACHE_BUCKET, replicas),
        _bucket(SLOTS_BUCKET, replicas),
        _bucket(PAYLOADS_BUCKET, replicas, compression="s2"),
        _object_store(CHECKPOINTS_BUCKET, replicas),
    ]


def _stream(name: str, names: list[str], replicas: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "subjects": names,
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs_per_subject": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "allow_direct": True,
        "duplicate_window": DUPLICATES_S * _NANOS,
        **more,
    }


def _bucket(name: str, replicas: int, *, ttl_s: int = 0, **more: Any) -> dict[str, Any]:
    """A key-value bucket as all NATS clients know it."""
    return _stream(
        f"KV_{name}",
        [f"$KV.{name}.>"],
        replicas,
        discard="new",
        max_msgs_per_subject=1,
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
        max_age=ttl_s * _NANOS,
        duplicate_window=min(ttl_s or DUPLICATES_S, DUPLICATES_S) * _NANOS,
        **more,
    )


def _object_store(name: str, replicas: int) -> dict[str, Any]:
    """An object store as all NATS clients know it."""
    return _stream(
        f"OBJ_{name}",
        [f"$O.{name}.C.>", f"$O.{name}.M.>"],
        replicas,
        discard="new",
        allow_rollup_hdrs=True,
    )


class _Config(msgspec.Struct):
    config: dict[str, Any]


async def _declare(wire: JetStreamWire, config: Mapping[str, Any]) -> None:
    """Creates a stream, or accepts the one that is there. A store may fail for the moment, while
    the server removes the files of streams that were deleted just before.
    """
    stores_left = STORE_TRIES
    while True:
        try:
            await wire.api(f"STREAM.CREATE.{config['name']}", config)
        except Unanswered:
            await asyncio.sleep(0.1)
            continue
        except StreamRefused as refused:
            stores_left -= 1
            if refused.code == STREAM_STORE_FAILED and stores_left:
                await asyncio.sleep(0.1)
                continue
            if refused.code != STREAM_NAME_IN_USE:
                raise BrokerUnsuitable(f"stream {config['name']}: {refused}") from refused
            info = await wire.api(f"STREAM.INFO.{config['name']}")
            _check_stream(config, msgspec.json.decode(info, type=_Config).config)
        return


async def _await(wire: JetStreamWire, config: Mapping[str, Any]) -> None:
    """Waits until there is such a stream."""
    while True:
        try:
            info = await wire.api(f"STREAM.INFO.{config['name']}")
        except (Unanswered, StreamRefused):
            await asyncio.sleep(0.1)
            continue
        _check_stream(config, msgspec.json.decode(info, type=_Config).config)
        return


def _check_stream(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for key in _ESSENTIAL:
        if found.get(key) != wanted[key]:
            raise BrokerUnsuitable(
                f"stream {wanted['name']} exists with {key} {found.get(key)!r},"
                f" firmus needs {wanted[key]!r}"
            )


async def _layout(wire: JetStreamWire, shards: int, *, writes: bool) -> Layout:
    """The record as it stands, written first when there is none."""
    subject = f"$KV.{META_BUCKET}.{_LAYOUT_KEY}"
    fresh = Layout(
        format=FORMAT,
        shards=shards,
        cluster_id=str(uuid.uuid4()),
        epochs=(FIRST_EPOCH,),
        oldest_decider=ENGINE_VERSION,
    )
    while True:
        try:
            stored = await wire.last(f"KV_{META_BUCKET}", subject, leader=True)
            if stored is not None:
                return _decode_layout(stored.data)
            if writes:
                await wire.publish(subject, msgspec.json.encode(fresh), expected=0)
            else:
                await asyncio.sleep(0.1)
        except (Unanswered, WrongLastSequence):
            await asyncio.sleep(0.05)


def _decode_layout(data: bytes) -> Layout:
    try:
        return msgspec.json.decode(data, type=Layout)
    except msgspec.MsgspecError as fault:
        raise BrokerUnsuitable(f"the metadata record cannot be read: {fault}") from fault
