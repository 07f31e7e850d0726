"""One decision with all that it needs from around it: the definition that the workflow runs, and
answers to what it wants on the way (scripts, definitions by name).
"""

import asyncio
import time
from collections.abc import Mapping

from firmus.decider.context import (
    Answers,
    Context,
    Decision,
    Limits,
    ScriptNeed,
    SlotNeed,
    Wanted,
)
from firmus.decider.decide import Needs, Outcome, decide, resume
from firmus.definitions.children import refuse_child
from firmus.ports import Cached, CachePort, DefinitionsPort, ScriptResult, ScriptsPort, SlotsPort
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.domains import LastPoll
from firmus.workflow.secrets import bind
from firmus.workflow.slots import Entry
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.errors import Refusal, no_workflow


class Surroundings:
    """`decide_ns` is the time spent in pure decisions since the start, nanoseconds. Without `slots`
    no workflow waits for another.
    """

    def __init__(
        self,
        *,
        definitions: DefinitionsPort,
        scripts: ScriptsPort,
        last_poll: LastPoll,
        environment: Mapping[str, str],
        limits: Limits,
        cache: CachePort | None = None,
        secrets: Mapping[str, str] | None = None,
        slots: SlotsPort | None = None,
    ) -> None:
        self.decide_ns = 0
        self._slots = slots
        self._definitions = definitions
        self._scripts = scripts
        self._last_poll = last_poll
        self._environment = environment
        self._secrets = secrets or {}
        self._limits = limits
        self._cache = cache

    async def outcome(
        self, state: WorkflowState | None, command: cmd.Command, now_ms: int, *, alone: bool
    ) -> Decision | cmd.Rejected | None:
        """A decision, its needs met. None: it needs something while others wait for their commit;
        those go first.
        """
        try:
            blueprint = await self._blueprint(state, command)
        except Refusal as refusal:
            return cmd.Rejected(code=refusal.code, message=refusal.message)
        if blueprint is None:
            return unknown(command)
        context = Context(
            now_ms=now_ms,
            entropy=f"{command.workflow_id}:{command.command_id}",
            blueprint=blueprint,
            last_poll=self._last_poll,
            environment=self._environment,
            limits=self._limits,
        )
        began_ns = time.perf_counter_ns()
        outcome: Outcome = decide(state, command, context)
        self.decide_ns += time.perf_counter_ns() - began_ns
        entered: SlotNeed | None = None
        while isinstance(outcome, Needs):
            if not alone:
                return None
            entered = outcome.wanted.slot or entered
            answers = await self.obtain(outcome.wanted)
            began_ns = time.perf_counter_ns()
            outcome = resume(outcome, answers)
            self.decide_ns += time.perf_counter_ns() - began_ns
        if entered is not None and isinstance(outcome, cmd.Rejected) and self._slots is not None:
            await self._slots.leave(entered.gate, entered.workflow_id)
        return outcome

    async def _blueprint(
        self, state: WorkflowState | None, command: cmd.Command
    ) -> Blueprint | None:
        if state is not None and state.status.terminal and _wants_latest(command):
            pinned = await self._definitions.pin(state.name, None)
            if pinned is None:
                message = f"Unable to find latest definition for {state.workflow_id}"
                raise Refusal("NOT_FOUND", message)
            return pinned.blueprint
        if state is not None:
            return await self._definitions.pinned(state.definition_hash)
        if not isinstance(command, cmd.StartWorkflow):
            return None
        if bytes(command.definition):
            definition = decode_workflow_def(bytes(command.definition))
            if command.parent_task_id is not None:
                refuse_child(definition)
            return (await self._definitions.pin_inline(definition)).blueprint
        pinned = await self._definitions.pin(command.name, command.version)
        return pinned.blueprint if pinned else None

    async def obtain(self, wanted: Wanted) -> Answers:
        """Runs scripts and looks definitions up, all at once."""
        scripts = asyncio.gather(*(self._script(need) for need in wanted.scripts))
        task_defs = asyncio.gather(*(self._definitions.task(name) for name in wanted.task_defs))
        known = asyncio.gather(
            *(self._definitions.workflow(name, version) for name, version in wanted.definitions)
        )
        cached = asyncio.gather(*(self._cached(key) for key in wanted.cache_keys))
        pins = asyncio.gather(*(self._pin(name, version) for name, version in wanted.pins))
        results = await asyncio.gather(scripts, task_defs, known, cached, pins)
        return Answers(
            scripts={n.key: r for n, r in zip(wanted.scripts, results[0], strict=True)},
            task_defs=dict(zip(wanted.task_defs, results[1], strict=True)),
            definitions={
                key: found is not None
                for key, found in zip(wanted.definitions, results[2], strict=True)
            },
            cache=dict(zip(wanted.cache_keys, results[3], strict=True)),
            slot=None if wanted.slot is None else await self._enter(wanted.slot),
            pins=dict(zip(wanted.pins, results[4], strict=True)),
        )

    async def _script(self, need: ScriptNeed) -> ScriptResult:
        """Runs a script on its input with the secrets bound, of which the log has the result."""
        expression, scope = need.expression, need.scope
        if need.secrets:
            scope = bind(scope, need.secrets, self._secrets)
            expression = str(bind(expression, need.secrets, self._secrets))
        return await self._scripts.run(need.evaluator, expression, scope)

    async def _enter(self, need: SlotNeed) -> Entry:
        if self._slots is None:
            return Entry.HOLDS
        return await self._slots.enter(need.gate, need.workflow_id, need.slots, queue=need.queue)

    async def _pin(self, name: str, version: int | None) -> Blueprint | cmd.Rejected | None:
        try:
            pinned = await self._definitions.pin(name, version)
        except Refusal as refusal:
            return cmd.Rejected(code=refusal.code, message=refusal.message)
        return None if pinned is None else pinned.blueprint

    async def _cached(self, key: str) -> Cached | None:
        return None if self._cache is None else await self._cache.get(key)


def _wants_latest(command: cmd.Command) -> bool:
    return isinstance(command, cmd.RestartWorkflow) and command.use_latest_definitions


def unknown(command: cmd.Command) -> cmd.Rejected:
    if isinstance(command, cmd.StartWorkflow):
        shown = "null" if command.version is None else command.version
        message = f"No such workflow defined. name={command.name}, version={shown}"
        return cmd.Rejected(code="NOT_FOUND", message=message)
    return cmd.Rejected(code="NOT_FOUND", message=no_workflow(command.workflow_id))
