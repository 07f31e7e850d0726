"""One rehearsal of a test: its world, its agenda, and who answers which task."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.decider.context import Answers, Limits, ScriptNeed, Wanted
from firmus.decider.surroundings import unknown
from firmus.definitions.children import refuse_child
from firmus.rehearsal.agenda import Agenda, Reply
from firmus.rehearsal.mocks import MOVED_FROM_WITHIN
from firmus.rehearsal.world import Asked, Bounds, Steps, T, Told, TooMuch, World
from firmus.testing.answers import Given, Source
from firmus.testing.handed import Handed
from firmus.testing.registry import Registry
from firmus.testing.scripting import ScriptThread
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.secrets import bind, granted
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.errors import Refusal


class Scope:
    """The answers for the tasks of one workflow; what it does not name, `outer` may."""

    def __init__(self, tasks: Mapping[str, Given], outer: "Scope | None" = None) -> None:
        self.sources = {key: Source(key, given) for key, given in tasks.items()}
        self.outer = outer
        self._inner: dict[str, Scope] = {}

    def find(self, row: TaskState) -> Source | None:
        """By the reference, in a loop also without its turn, then by the name of the task."""
        for key in (row.ref, base_ref(row.made), row.made.task_def_name):
            if key in self.sources:
                return self.sources[key]
        return None if self.outer is None else self.outer.find(row)

    def below(self, row: TaskState) -> "Scope":
        """The answers for the workflow that a row stands for."""
        source = self.find(row)
        if source is None or source.sub_tasks is None:
            return self
        return self._inner.setdefault(base_ref(row.made), Scope(source.sub_tasks, self))


class Play:
    """Drives the world from the thread of the test, where functions that answer are called too."""

    def __init__(
        self,
        registry: Registry,
        scripts: ScriptThread,
        tasks: Mapping[str, Given],
        *,
        now_ms: int,
        environment: Mapping[str, str],
        secrets: Mapping[str, str],
        limits: Limits,
        bounds: Bounds,
        wall_s: float,
    ) -> None:
        self.handed: list[Handed] = []
        self._registry = registry
        self._scripts = scripts
        self._secrets = secrets
        self._wall_s = wall_s
        self._root = Scope(tasks)
        self._scopes: dict[str, Scope] = {}
        self._blueprints: dict[int, tuple[object, Blueprint]] = {}
        self.world = World(
            now_ms=now_ms,
            environment=environment,
            limits=limits,
            bounds=bounds,
        )
        self.agenda = Agenda(self.world, self._answer)

    def do(self, steps: Steps[T]) -> T:
        """Plays steps to their end. Raises TooMuch."""
        told: Told = None
        until_s = time.monotonic() + self._wall_s
        while True:
            try:
                asked = steps.send(told)
            except StopIteration as ended:
                done: T = ended.value
                return done
            if time.monotonic() > until_s:
                raise TooMuch(f"stopped after {self._wall_s:g} seconds")
            told = self._told(asked)

    def scope_of(self, state: WorkflowState) -> Scope:
        found = self._scopes.get(state.workflow_id)
        if found is None:
            found = self._root
            if state.parent_workflow_id is not None and state.parent_task_id is not None:
                parent = self.world.states[state.parent_workflow_id]
                row = parent.tasks[ids.ordinal_of(state.parent_task_id)]
                found = self.scope_of(parent).below(row)
            self._scopes[state.workflow_id] = found
        return found

    def _told(self, asked: Asked) -> Told:
        if asked is None:
            return None
        if isinstance(asked, cmd.StartWorkflow):
            return self._definition(asked)
        return self._answers(asked)

    def _answers(self, wanted: Wanted) -> Answers:
        registry = self._registry
        return Answers(
            scripts=self._scripts.results([self._script(need) for need in wanted.scripts]),
            task_defs={name: registry.task(name) for name in wanted.task_defs},
            definitions={key: registry.workflow(*key) is not None for key in wanted.definitions},
        )

    def _script(self, need: ScriptNeed) -> ScriptNeed:
        """The script with the secrets bound, of which the log has the result."""
        if not need.secrets:
            return need
        return msgspec.structs.replace(
            need,
            expression=str(bind(need.expression, need.secrets, self._secrets)),
            scope=bind(need.scope, need.secrets, self._secrets),
        )

    def _definition(self, start: cmd.StartWorkflow) -> Blueprint | cmd.Rejected:
        try:
            if bytes(start.definition):
                definition = decode_workflow_def(bytes(start.definition))
                refuse_child(definition)
                return self._registry.blueprint(definition)
            found = self._registry.workflow(start.name, start.version)
            if found is not None:
                return self._registry.blueprint(found)
        except Refusal as refusal:
            return cmd.Rejected(code=refusal.code, message=refusal.message)
        return unknown(start)

    def _answer(self, state: WorkflowState, row: TaskState) -> Reply | None:
        source = self.scope_of(state).find(row)
        if source is None or source.sub_tasks is not None:
            return None
        if row.made.task_type in MOVED_FROM_WITHIN and row.child_id is None:
            return None
        if source.used_up:
            return None
        handed = Handed(
            task_id=state.task_id(row.ordinal),
            workflow_id=state.workflow_id,
            workflow_name=state.name,
            correlation_id=state.correlation_id,
            ref=row.ref,
            attempt=row.made.retry_count + 1,
            iteration=row.made.iteration,
            input=self._bound(state, row),
        )
        self.handed.append(handed)
        return source.next(handed)

    def _bound(self, state: WorkflowState, row: TaskState) -> dict[str, Any]:
        """The input as a worker sees it: a copy, with secrets."""
        given: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row.input))
        names = granted(state, row, self.world.blueprint_of(state))
        if names:
            bound: dict[str, Any] = bind(given, names, self._secrets)
            return bound
        return given
