"""A fair share of the shards for each live instance of a role.

Every instance announces itself under a key that expires, takes free shards up to its quota and
gives back what is above it. All see the same table, so all come to the same quotas.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec

from firmus.broker.leases import Lease, nap
from firmus.broker.streams import LEASES_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus_contracts.subjects import token, untoken

_FIRST_PAUSE_S = 0.02

_log = logging.getLogger(__name__)

Listener = Callable[[int], Awaitable[None]]


class Plan(msgspec.Struct, frozen=True):
    drop: tuple[int, ...] = ()
    take: tuple[int, ...] = ()


def plan(
    shards: int,
    *,
    instance: str,
    instances: Collection[str],
    taken: Collection[int],
    held: Collection[int],
) -> Plan:
    """What `instance` should give back and try to take.

    Quotas differ by one at most and add up to all shards; the first names get the larger ones.
    Each instance starts looking at another place, so that few want the same shard.
    """
    order = sorted({*instances, instance})
    rank = order.index(instance)
    small, larger = divmod(shards, len(order))
    quota = small + (rank < larger)
    start = rank * small + min(rank, larger)
    preferred = [(start + step) % shards for step in range(shards)]
    mine = [shard for shard in preferred if shard in held]
    free = [shard for shard in preferred if shard not in taken and shard not in held]
    return Plan(drop=tuple(mine[quota:]), take=tuple(free[: max(quota - len(mine), 0)]))


class ShardLeases:
    """The shards that one instance holds for a role ("decider", "scheduler").

    `on_gained` and `on_lost` are awaited one after the other. A shard is given back only after
    `on_lost` has returned; when a lease ran out, `on_lost` comes after the fact. An instance whose
    `on_gained` raises gives the shard back.
    """

    def __init__(
        self,
        wire: JetStreamWire,
        role: str,
        instance: str,
        *,
        shards: int,
        ttl_s: float,
        on_gained: Listener,
        on_lost: Listener,
        bucket: str = LEASES_BUCKET,
    ) -> None:
        self._wire = wire
        self._instance = instance
        self._shards = shards
        self._ttl_s = ttl_s
        self._bucket = bucket
        self._on_gained = on_gained
        self._on_lost = on_lost
        self._prefix = f"{token(role)}."
        self._announced = self._lease(f"instance.{token(instance)}", None)
        self._held: dict[int, Lease] = {}
        self._ran_out: list[int] = []
        self._known: set[bytes] = set()
        self._changed = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def held(self) -> frozenset[int]:
        return frozenset(shard for shard, lease in self._held.items() if lease.held)

    def start(self) -> None:
        """Begins to take shards; once only."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Gives everything back at once, so that others take over without waiting."""
        task, self._task = self._task, None
        if task is None:
            return
        # Not cancelled: a lease that is just being taken would be left behind.
        self._stopping = True
        self._changed.set()
        await task
        for shard in list(self._held):
            await self._tell(self._on_lost, shard)
        leases, self._held = [*self._held.values(), self._announced], {}
        await asyncio.gather(*(lease.release() for lease in leases))

    async def _run(self) -> None:
        watch = await self._wire.connection.open_lane(
            f"$KV.{self._bucket}.{self._prefix}>", self._on_write
        )
        pause_s = _FIRST_PAUSE_S
        try:
            while not self._stopping:
                try:
                    if not await self._balance():
                        await asyncio.sleep(self._ttl_s / 3)
                except (Unanswered, StreamRefused) as fault:
                    _log.warning("leases of %s cannot be read: %s", self._prefix, fault)
                pause_s = await nap(self._changed, pause_s, self._ttl_s / 3)
        finally:
            await self._wire.connection.close_lane(watch)

    async def _balance(self) -> bool:
        """One look at the table: forget what ran out, give back, take. False when the service could
        not work on a shard that it gained.
        """
        while self._ran_out:
            shard = self._ran_out.pop()
            if self._held.pop(shard, None) is not None:
                await self._tell(self._on_lost, shard)
        await self._announced.try_acquire()
        instances, taken = await self._table()
        wanted = plan(
            self._shards,
            instance=self._instance,
            instances=instances,
            taken=taken,
            held=self._held,
        )
        for shard in wanted.drop:
            await self._tell(self._on_lost, shard)
            await self._held.pop(shard).release()
        leases = {shard: self._lease(f"shard.{shard}", shard) for shard in wanted.take}
        won = await asyncio.gather(*(lease.try_acquire() for lease in leases.values()))
        well = True
        for (shard, lease), gained in zip(leases.items(), won, strict=True):
            if gained:
                self._held[shard] = lease
                if not await self._tell(self._on_gained, shard):
                    await self._held.pop(shard).release()
                    well = False
        return well

    async def _table(self) -> tuple[list[str], Mapping[int, bytes]]:
        """The live instances, and which shards are taken."""
        self._known.clear()
        instances: list[str] = []
        taken: dict[int, bytes] = {}
        start = len(f"$KV.{self._bucket}.{self._prefix}")
        for entry in await self._wire.last_of_each(
            f"KV_{self._bucket}", [f"$KV.{self._bucket}.{self._prefix}>"]
        ):
            kind, _, name = entry.subject[start:].partition(".")
            if not entry.data:
                continue
            if kind == "instance":
                instances.append(untoken(name))
                self._known.add(entry.subject.encode())
            elif name.isdecimal():
                taken[int(name)] = entry.data
        return instances, taken

    def _lease(self, key: str, shard: int | None) -> Lease:
        return Lease(
            self._wire,
            self._prefix + key,
            holder=self._instance,
            ttl_s=self._ttl_s,
            bucket=self._bucket,
            on_lost=lambda: self._on_lease_end(shard),
        )

    def _on_lease_end(self, shard: int | None) -> None:
        if shard is not None:
            self._ran_out.append(shard)
        self._changed.set()

    def _on_write(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        """Somebody let go of something, or a new instance is there."""
        del reply, header
        if not data or (b".instance." in subject and subject not in self._known):
            self._changed.set()

    async def _tell(self, listener: Listener, shard: int) -> bool:
        try:
            await listener(shard)
        except Exception:  # noqa: BLE001 - one shard's trouble must not end the leases of all
            _log.exception("shard %d: the service could not follow", shard)
            return False
        return True
