"""Sends the records of KAFKA_PUBLISH tasks, and waits for the broker's word (spec 3.6.20).

Needs the optional package aiokafka; without it each task fails and says so.
"""

import asyncio
from collections import OrderedDict
from importlib import import_module
from typing import Any

import msgspec

from firmus.systemworker.work import Outcome, Work, done, failed
from firmus.workflow.expressions.text import text_of

PRODUCERS_MAX = 16
REQUEST_TIMEOUT_MS = 30_000
MAX_BLOCK_MS = 60_000
_SEE = "See documentation for KafkaTask for required input parameters"
_WIDTHS = {"LongSerializer": 8, "IntegerSerializer": 4}


class Unusable(Exception):
    """The input describes no record; the message is the task's reason."""


class KafkaRecord(msgspec.Struct, frozen=True, kw_only=True):
    servers: str
    topic: str
    value: bytes
    key: bytes | None
    headers: list[tuple[str, bytes]]
    request_timeout_ms: int
    max_block_ms: int


def record_of(given: dict[str, Any]) -> KafkaRecord:
    """The record that the input describes. Raises Unusable, with Conductor's words."""
    asked = given.get("kafka_request")
    if not isinstance(asked, dict):
        raise Unusable(f"Missing Kafka request.  {_SEE}")
    if not asked.get("bootStrapServers"):
        raise Unusable("No boot strap servers specified")
    if not asked.get("topic"):
        raise Unusable(f"Missing Kafka topic.  {_SEE}")
    if asked.get("value") is None:
        raise Unusable(f"Missing Kafka value.  {_SEE}")
    headers = asked.get("headers") or {}
    if not isinstance(headers, dict):
        raise Unusable("Failed to invoke kafka task due to: headers is not an object")
    return KafkaRecord(
        servers=str(asked["bootStrapServers"]),
        topic=str(asked["topic"]),
        value=msgspec.json.encode(asked["value"]),
        key=_key(asked.get("key"), str(asked.get("keySerializer") or "")),
        headers=[(name, text_of(v).encode()) for name, v in headers.items() if v is not None],
        request_timeout_ms=_milliseconds(asked, "requestTimeoutMs", REQUEST_TIMEOUT_MS),
        max_block_ms=_milliseconds(asked, "maxBlockMs", MAX_BLOCK_MS),
    )


def _key(key: Any, serializer: str) -> bytes | None:
    if key is None:
        return None
    width = _WIDTHS.get(serializer.rpartition(".")[2])
    if width is None:
        return text_of(key).encode()
    try:
        return int(key).to_bytes(width, "big", signed=True)
    except (TypeError, ValueError, OverflowError):
        what = f"key {key!r} is no number for {serializer}"
        raise Unusable(f"Failed to invoke kafka task due to: {what}") from None


def _milliseconds(asked: dict[str, Any], field: str, default: int) -> int:
    value = asked.get(field)
    if value is None:
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number <= 0:
        raise Unusable(f"Failed to invoke kafka task due to: {field} is not a number above 0")
    return number


class KafkaTasks:
    """The Executor of KAFKA_PUBLISH. Producers are kept by their servers, the last used ones."""

    def __init__(self) -> None:
        self._producers: OrderedDict[tuple[str, int], asyncio.Task[Any]] = OrderedDict()

    async def execute(self, work: Work) -> Outcome:
        try:
            record = record_of(work.input_data)
        except Unusable as problem:
            return failed(str(problem))
        try:
            library = import_module("aiokafka")
        except ImportError:
            why = "aiokafka is not installed; install firmus[kafka]"
            return failed(f"Failed to invoke kafka task due to: {why}")
        try:
            await self._send(library, record)
        except (library.errors.KafkaError, TimeoutError, OSError) as problem:
            reason = str(problem) or type(problem).__name__
            return failed(f"Failed to invoke kafka task due to: {reason}")
        return done(work, {})

    async def close(self) -> None:
        for key in list(self._producers):
            await self._drop(key)

    async def _send(self, library: Any, record: KafkaRecord) -> None:
        async with asyncio.timeout(record.max_block_ms / 1000):
            producer = await self._producer(library, record)
        acknowledged = await producer.send(
            record.topic, record.value, key=record.key, headers=record.headers
        )
        async with asyncio.timeout(record.request_timeout_ms / 1000):
            await acknowledged

    async def _producer(self, library: Any, record: KafkaRecord) -> Any:
        key = (record.servers, record.request_timeout_ms)
        task = self._producers.get(key)
        if task is None:
            while len(self._producers) >= PRODUCERS_MAX:
                await self._drop(next(iter(self._producers)))
            task = self._producers[key] = asyncio.create_task(_started(library, record))
        self._producers.move_to_end(key)
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._producers.get(key) is task:
                del self._producers[key]
            raise

    async def _drop(self, key: tuple[str, int]) -> None:
        """Ends a producer after what it has still to send."""
        task = self._producers.pop(key)
        if not task.done():
            task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            await task.result().stop()


async def _started(library: Any, record: KafkaRecord) -> Any:
    producer = library.AIOKafkaProducer(
        bootstrap_servers=record.servers,
        client_id="firmus",
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=record.request_timeout_ms,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
