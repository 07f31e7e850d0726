"""A log of finished workflows for benchmarks, written past the decider: three tasks each (14 events
in 7 commits), 200 of them open at a time.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterator

import msgspec
from search import NAMES, WORDS, blueprint, finished

from firmus.eventlog import codec
from firmus.node import Node
from firmus_contracts import ids, subjects
from firmus_contracts.definitions import WorkflowDef

OPEN = 200
BURST = 2_000
SHAPES = 20


class Shape(msgspec.Struct, frozen=True):
    """The commits of one workflow as stored, to be given other ids and words."""

    commits: tuple[bytes, ...]
    events: int


def shapes(hashes: list[str]) -> list[Shape]:
    found = []
    for name, sha256 in zip(NAMES, hashes, strict=False):
        plan = blueprint(name)
        _, commits = finished(plan, 0, {"word": "W0RD0000", "amount": 12.5})
        encoded = [codec.encode(commit).stored for commit in commits]
        stored = [it.replace(b"0" * 64, sha256.encode()) for it in encoded]
        found.append(Shape(tuple(stored), sum(len(commit.events) for commit in commits)))
    return found


class Source:
    """Workflows without end, some open at a time; `next` is one commit."""

    def __init__(self, kinds: list[Shape]) -> None:
        self._chance = random.Random(7)
        self._kinds = kinds
        self._old = finished(blueprint(NAMES[0]), 0, {})[1][0].workflow_id.encode()
        self._number = int(time.time() * 1000) & 0xFFFFFFFF
        self._open: deque[tuple[str, bytes, deque[bytes]]] = deque()

    def commits(self, workflows: int) -> Iterator[tuple[str, bytes]]:
        """Workflow id and stored commit; all of so many new workflows, and of those still open."""
        begun = 0
        while begun < workflows or self._open:
            while begun < workflows and len(self._open) < OPEN:
                self._begin()
                begun += 1
            yield self._step()

    def endless(self) -> Iterator[tuple[str, bytes]]:
        while True:
            while len(self._open) < OPEN:
                self._begin()
            yield self._step()

    def _begin(self) -> None:
        self._number += 1
        workflow_id = ids.mint_workflow_id(int(time.time() * 1000), self._number)
        shape = self._chance.choice(self._kinds)
        word = self._chance.choice(WORDS).encode()
        self._open.append((workflow_id, word, deque(shape.commits)))

    def _step(self) -> tuple[str, bytes]:
        workflow_id, word, rest = self._open.popleft()
        stored = rest.popleft().replace(self._old, workflow_id.encode()).replace(b"W0RD0000", word)
        if rest:
            self._open.append((workflow_id, word, rest))
        return workflow_id, stored


async def write(node: Node, commits: Iterator[tuple[str, bytes]], count: int = BURST) -> int:
    """Writes up to `count` commits; returns how many there were."""
    sent = []
    for _, (workflow_id, stored) in zip(range(count), commits, strict=False):
        shard = ids.shard_of(workflow_id, node.layout.shards)
        subject = subjects.log_subject(0, shard, workflow_id)
        sent.append(node.wire.publish(subject, stored))
    await asyncio.gather(*sent)
    return len(sent)


async def register(node: Node) -> list[str]:
    found = []
    for name in NAMES[:SHAPES]:
        definition: WorkflowDef = blueprint(name).definition
        await node.definitions.put_workflow(definition, overwrite=True)
        pinned = await node.definitions.pin(name)
        assert pinned is not None
        found.append(pinned.sha256)
    return found
