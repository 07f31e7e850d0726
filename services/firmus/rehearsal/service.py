"""Tests of workflows for the gateway: definitions as registered, scripts in the real pools, and
nothing of it in the log.
"""

import asyncio
import time
from collections.abc import Mapping
from secrets import randbits
from typing import Any

import msgspec

from firmus.decider.context import Limits, Wanted
from firmus.decider.surroundings import Surroundings
from firmus.ports import Cached, CachePort, Clock, DefinitionsPort, ScriptsPort, Unavailable
from firmus.rehearsal.definitions import blueprint_of
from firmus.rehearsal.mocks import Mocks, play
from firmus.rehearsal.timed import play_timed
from firmus.rehearsal.world import Asked, Bounds, Steps, T, Told, TooMuch, World
from firmus.workflow.rest_view import workflow_view
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.executions import Workflow
from firmus_contracts.requests import WorkflowTestRequest
from firmus_contracts.starts import start_command

AT_ONCE_MAX = 2
WAITING_MAX = 32
WALL_S = 10.0
KEPT_S = 3600
KEPT_BYTES = 1_000_000
BREATH_S = 0.005
"""A rehearsal gives way to other work of the loop after this long."""

BORN_BEFORE_MS = 2_000
"""The id is older than the run, so that nobody who looks it up waits for the start."""

_VALIDATION_ERRORS = msgspec.json.Decoder(tuple[ValidationError, ...])


class Rehearsals:
    """Implements `ports.RehearsalPort`. Few run at once, and each within bounds."""

    def __init__(
        self,
        *,
        definitions: DefinitionsPort,
        scripts: ScriptsPort,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        kept: CachePort | None = None,
        bounds: Bounds | None = None,
        wall_s: float = WALL_S,
    ) -> None:
        self._environment = environment or {}
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self._wall_s = wall_s
        self._kept = kept
        self._clock = clock
        self._definitions = definitions
        self._surroundings = Surroundings(
            definitions=definitions,
            scripts=scripts,
            last_poll=lambda _type, _domain: 0,
            environment=self._environment,
            secrets=secrets,
            limits=self._limits,
        )
        self._running = asyncio.Semaphore(AT_ONCE_MAX)
        self._waiting = 0

    async def run(self, request: WorkflowTestRequest, *, timed: bool = False) -> Workflow:
        """The execution at its end, or where it stopped: then its reason says why."""
        if self._waiting >= WAITING_MAX:
            raise Unavailable("too many tests of workflows are waiting to be run")
        self._waiting += 1
        try:
            async with self._running:
                execution = await self._run(request, timed=timed)
        finally:
            self._waiting -= 1
        if self._kept is not None and len(written := msgspec.json.encode(execution)) <= KEPT_BYTES:
            entry = Cached(task_id=execution.workflow_id, output=msgspec.json.decode(written))
            await self._kept.put(_key(execution.workflow_id), entry, KEPT_S)
        return execution

    async def recall(self, workflow_id: str) -> dict[str, Any] | None:
        found = None if self._kept is None else await self._kept.get(_key(workflow_id))
        return None if found is None else found.output

    async def _run(self, request: WorkflowTestRequest, *, timed: bool) -> Workflow:
        now_ms = self._clock.now_ms()
        world = World(
            now_ms=now_ms,
            environment=self._environment,
            limits=self._limits,
            bounds=self._bounds,
        )
        born_ms = now_ms - BORN_BEFORE_MS
        workflow_id = ids.mint_workflow_id(born_ms, randbits(ids.RANDOM_BITS))
        start = start_command(
            request,
            command_id="start",
            workflow_id=workflow_id,
            idempotency_key=None,
            external_input_path=None,
        )
        stopped: cmd.Rejected | str | None
        try:
            plays = play_timed if timed else play
            stopped = await self._drive(plays(world, start, Mocks(request)))
        except TooMuch as problem:
            stopped = str(problem)
        if isinstance(stopped, cmd.Rejected):
            raise refused(stopped)
        return _view(world, workflow_id, stopped)

    async def _drive(self, steps: Steps[T]) -> T:
        """Plays steps to their end, giving way to others now and then. Raises TooMuch."""
        told: Told = None
        began_s = rested_s = time.monotonic()
        while True:
            try:
                asked = steps.send(told)
            except StopIteration as ended:
                done: T = ended.value
                return done
            now_s = time.monotonic()
            if now_s - began_s > self._wall_s:
                raise TooMuch(f"stopped after {self._wall_s:g} seconds")
            if now_s - rested_s > BREATH_S:
                await asyncio.sleep(0)
                rested_s = time.monotonic()
            told = await self._told(asked)

    async def _told(self, asked: Asked) -> Told:
        if asked is None:
            return None
        if isinstance(asked, Wanted):
            return await self._surroundings.obtain(asked)
        return await blueprint_of(asked, self._definitions)


def _key(workflow_id: str) -> str:
    return f"rehearsal.{workflow_id}"


def refused(rejected: cmd.Rejected) -> Refusal:
    """A refused start as the gateway raises it."""
    details = rejected.details
    errors = _VALIDATION_ERRORS.decode(details) if details else None
    return Refusal(rejected.code, rejected.message, errors)


def _view(world: World, workflow_id: str, stopped: str | None) -> Workflow:
    state = world.states[workflow_id]
    blueprint = world.blueprint_of(state)
    view = workflow_view(state, blueprint, now_ms=world.now_ms, include_tasks=True)
    if stopped is None:
        return view
    reason = f"The test stopped. {stopped}"
    return msgspec.structs.replace(view, reason_for_incompletion=reason)
