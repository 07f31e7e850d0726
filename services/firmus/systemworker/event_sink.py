"""Sends the messages of EVENT tasks to NATS (spec 3.6.18).

`nats:subject` is published once to whoever listens; `jsm:subject` is stored by the JetStream
stream of that subject, exactly once within its deduplication window. The id of both is the task's.
"""

import asyncio
from typing import Any

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client

from firmus.systemworker.work import Outcome, Work, done, failed

ACK_WITHIN_S = 5.0
TRIES = 3
OWN = ("firmus.", "workflow.", "task.", "$", "_INBOX.")
START = "firmus.start."
"""The one subject of our own that a workflow may publish to: start events (`intake`)."""


class Unpublishable(Exception):
    """The message cannot be sent as it is; the text is the task's reason."""


class NatsEvents:
    """The Executor of EVENT tasks with a NATS sink."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._stream = connection.jetstream(timeout=ACK_WITHIN_S)

    async def execute(self, work: Work) -> Outcome:
        kind, _, rest = str(work.input_data.get("sink") or "").partition(":")
        message = msgspec.json.encode({**work.output_data, **work.input_data})
        try:
            if kind == "jsm":
                await self._store(_subject(rest.partition(":")[0]), message, work.task_id)
            elif kind == "nats":
                await self._publish(_subject(rest), message, work.task_id)
            else:
                raise Unpublishable(f"Unknown queue type {kind}")  # noqa: TRY301 - one way out
        except (Unpublishable, nats.errors.Error) as problem:
            reason = str(problem) or type(problem).__name__
            return failed(f"Cannot publish to {kind}:{rest}: {reason}", work.output_data)
        return done(work, work.output_data)

    async def close(self) -> None:
        """The connection belongs to the process."""

    async def _publish(self, subject: str, message: bytes, message_id: str) -> None:
        headers = {"Nats-Msg-Id": message_id}
        await self._connection.publish(subject, message, headers=headers)
        await self._connection.flush(timeout=int(ACK_WITHIN_S))

    async def _store(self, subject: str, message: bytes, message_id: str) -> None:
        """Repeated under the same id while nobody knows whether it was stored."""
        headers: dict[str, Any] = {"Nats-Msg-Id": message_id}
        for left in reversed(range(TRIES)):
            try:
                await self._stream.publish(subject, message, headers=headers)
            except nats.js.errors.NoStreamResponseError:
                if not left:
                    raise Unpublishable("no JetStream stream has this subject") from None
                await asyncio.sleep(0.2)
            except nats.errors.TimeoutError:
                if not left:
                    raise Unpublishable("the stream did not answer in time") from None
            else:
                return


def _subject(text: str) -> str:
    """Raises Unpublishable for what cannot be published to, and for what is ours alone."""
    if not text or any(not t or t in "*>" or " " in t for t in text.split(".")):
        raise Unpublishable("not a subject that can be published to")
    if any(char.isspace() for char in text):
        raise Unpublishable("not a subject that can be published to")
    if text.startswith(OWN) and not text.startswith(START):
        raise Unpublishable("the subject is one of the system's own")
    return text
