"""Named values too large for one message: the schedulers' checkpoints, in an object store."""

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from firmus.broker.connection import Connection
from firmus.broker.streams import CHECKPOINTS_BUCKET
from firmus.ports import Unavailable


class JetStreamCheckpoints:
    """Implements `scheduler.checkpoint.CheckpointStore`; a new value replaces the old whole."""

    def __init__(self, connection: Connection) -> None:
        self._js: JetStreamContext = connection.jetstream()
        self._store: ObjectStore | None = None

    async def put(self, name: str, data: bytes) -> None:
        try:
            await (await self._opened()).put(name, data)
        except (NatsError, TimeoutError) as problem:
            raise Unavailable(f"checkpoint {name}: {problem!r}") from problem

    async def get(self, name: str) -> bytes | None:
        try:
            found = await (await self._opened()).get(name)
        except (ObjectNotFoundError, NotFoundError):
            return None
        except (NatsError, TimeoutError) as problem:
            raise Unavailable(f"checkpoint {name}: {problem!r}") from problem
        return found.data

    async def _opened(self) -> ObjectStore:
        if self._store is None:
            self._store = await self._js.object_store(CHECKPOINTS_BUCKET)
        return self._store
