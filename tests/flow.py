"""Given a definition, when commands, then events: the language of the decider's tests.

A Flow decides with the real rules on a fixed clock, runs scripts with the real engine, and after
every command checks that folding its commits anew gives the state it holds (replay equals live).
"""

import asyncio
from functools import lru_cache
from typing import Any

import msgspec

from firmus.clock import FixedClock
from firmus.decider.context import Answers, Context, Decision, Limits, SlotNeed
from firmus.decider.decide import Needs, decide, resume
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.ports import Cached, ScriptResult
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import answered, fold
from firmus.workflow.slots import Entry
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.envelope import Cause, Commit
from firmus_contracts.statuses import ResultStatus

START_MS = 1_700_000_000_000
WORKFLOW = ids.mint_workflow_id(START_MS, 42)

__all__ = ["Flow", "definition", "op", "simple", "task_def"]


def task_def(name: str, **fields: Any) -> dict[str, Any]:
    """A task definition without retries and delays unless said otherwise."""
    return {"name": name, "retryCount": 0, "retryDelaySeconds": 0, **fields}


def simple(ref: str, **fields: Any) -> dict[str, Any]:
    """A SIMPLE task with an embedded definition; `task_def` replaces it."""
    given = fields.pop("task_def", None) or task_def(ref)
    return {"name": ref, "taskReferenceName": ref, "taskDefinition": given, **fields}


def op(ref: str, kind: str, inputs: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    implicit = {"name": ref, "retryCount": 0, "responseTimeoutSeconds": 0}
    base = {"name": ref, "taskReferenceName": ref, "type": kind, "taskDefinition": implicit}
    return {**base, "inputParameters": inputs or {}, **fields}


def definition(*tasks: dict[str, Any], **fields: Any) -> WorkflowDef:
    return msgspec.convert({"name": "flow", "tasks": list(tasks), **fields}, WorkflowDef)


class Flow:
    def __init__(
        self,
        *tasks: dict[str, Any],
        events_max: int = 500,
        workflow_id: str = WORKFLOW,
        clock: FixedClock | None = None,
        **fields: Any,
    ) -> None:
        self.blueprint = Blueprint(definition(*tasks, **fields), "0" * 64)
        self.workflow_id = workflow_id
        self.clock = clock or FixedClock(START_MS)
        self.state: WorkflowState | None = None
        self.commits: list[Commit] = []
        self.registered: dict[str, TaskDef] = {}
        self.known_definitions: set[str] = set()
        self.cache: dict[str, Cached] = {}
        self.versions: dict[int, Blueprint] = {}
        self.polls: dict[tuple[str, str], int] = {}
        self.slot = Entry.HOLDS
        self.slots_asked: list[SlotNeed] = []
        self.limits = Limits(events_max=events_max)
        self.rejected: cmd.Rejected | None = None
        self.ignored: str | None = None
        self.rounds = 0  # of answers from outside that the last command needed
        self._count = 0
        self._refs: dict[int, str] = {}

    # --- given ---

    def register(self, version: int, *tasks: dict[str, Any], **fields: Any) -> None:
        """Another version of the definition, to which the workflow may be upgraded."""
        given = definition(*tasks, version=version, **fields)
        self.versions[version] = Blueprint(given, str(version) * 64)

    # --- when ---

    def start(self, input: dict[str, Any] | None = None, **fields: Any) -> list[str]:
        return self.send(cmd.StartWorkflow, name="flow", input=input or {}, **fields)

    def begin(self, ref: str, worker: str = "w") -> list[str]:
        return self.send(cmd.BeginTask, task_id=self.task_id(ref), worker_id=worker)

    def update(
        self,
        ref: str,
        status: str = "COMPLETED",
        output: dict[str, Any] | None = None,
        **fields: Any,
    ) -> list[str]:
        return self.send(
            cmd.UpdateTask,
            task_id=self.task_id(ref),
            status=ResultStatus(status),
            output=output or {},
            **fields,
        )

    def fail(self, ref: str, reason: str = "broke", **fields: Any) -> list[str]:
        return self.update(ref, "FAILED", reason=reason, **fields)

    def fire(self, ref: str | None = None) -> list[str]:
        return self.send(cmd.FireTimer, task_id=self.task_id(ref) if ref else None)

    def send(self, kind: Any, **fields: Any) -> list[str]:
        """Sends a command of that type under a new id; returns what happened, as short texts."""
        self._count += 1
        fields.setdefault("command_id", f"c{self._count}")
        return self.submit(kind(workflow_id=self.workflow_id, **fields))

    def submit(self, command: Any) -> list[str]:
        self.rejected = self.ignored = None
        self.rounds = 0
        context = Context(
            now_ms=self.clock.now_ms(),
            entropy=command.command_id,
            blueprint=self.blueprint,
            last_poll=lambda task_type, domain: self.polls.get((task_type, domain), 0),
            limits=self.limits,
        )
        outcome = decide(self.state, command, context)
        while isinstance(outcome, Needs):
            self.rounds += 1
            outcome = resume(outcome, self._answers(outcome))
        if isinstance(outcome, cmd.Rejected):
            self.rejected = outcome
            return []
        self.ignored = outcome.ignored
        return self._commit(command, outcome)

    def _answers(self, needs: Needs) -> Answers:
        wanted = needs.wanted
        if wanted.slot is not None:
            self.slots_asked.append(wanted.slot)
        return Answers(
            slot=None if wanted.slot is None else self.slot,
            scripts={n.key: _run(n.evaluator, n.expression, n.scope) for n in wanted.scripts},
            task_defs={name: self.registered.get(name) for name in wanted.task_defs},
            definitions={key: key[0] in self.known_definitions for key in wanted.definitions},
            cache={key: self.cache.get(key) for key in wanted.cache_keys},
            pins={key: self.versions.get(key[1] or 0) for key in wanted.pins},
        )

    def _commit(self, command: Any, decision: Decision) -> list[str]:
        if decision.events:
            commit = Commit(
                commit_id=f"k{len(self.commits)}",
                workflow_id=self.workflow_id,
                first_version=self.state.version + 1 if self.state else 1,
                time_ms=self.clock.now_ms(),
                events=decision.events,
                causes=(Cause(command_id=command.command_id, kind=cmd.kind_of(command)),),
            )
            self.commits.append(commit)
            self.state = answered(decision.state, commit)
            assert self.state == self.replayed()
            self.cache |= {one.key: one.entry for one in decision.to_cache}
        for event in decision.events:
            if isinstance(event, ev.TaskScheduled):
                self._refs[event.ordinal] = event.ref
            elif isinstance(event, ev.WorkflowUpgraded):
                self.blueprint = self.versions[event.definition_version]
        return [describe(event, self._refs) for event in decision.events]

    def replayed(self) -> WorkflowState | None:
        """The state that the stored bytes of all commits fold to."""
        state = None
        for commit in self.commits:
            stored = msgspec.json.encode(commit)
            state = fold(state, msgspec.json.decode(stored, type=Commit))
        return state

    # --- then ---

    @property
    def status(self) -> str:
        assert self.state is not None
        return self.state.status.value

    @property
    def output(self) -> dict[str, Any]:
        assert self.state is not None
        return self.state.output

    def row(self, ref: str) -> TaskState:
        assert self.state is not None
        row = self.state.task(ref)
        assert row is not None, f"no row of {ref}"
        return row

    def task_id(self, ref: str) -> str:
        return ids.task_id(self.workflow_id, self.row(ref).ordinal)

    def rows(self) -> list[str]:
        """`ref STATUS` of every row, as REST lists them."""
        assert self.state is not None
        return [f"{row.ref} {row.status}" for row in self.state.rows()]


def _run(evaluator: str, expression: str, scope: dict[str, Any]) -> ScriptResult:
    """What the real engine says; a script is a pure function, so each is run once per scope."""
    return _run_once(evaluator, expression, msgspec.json.encode(scope))


@lru_cache(maxsize=4096)
def _run_once(evaluator: str, expression: str, given: bytes) -> ScriptResult:
    scope = msgspec.json.decode(given)

    async def once() -> ScriptResult:
        javascript, jq = QuickJsScripts(threads=1), JqScripts(processes=1)
        try:
            return await Evaluators(javascript, jq).run(evaluator, expression, scope)
        finally:
            javascript.close()
            await jq.close()

    return asyncio.run(once())


def describe(event: Any, refs: dict[int, str]) -> str:
    """An event as its tag and the reference that it is about; bookkeeping is left as its tag."""
    tag = ev.tag_of(event)
    ordinal = getattr(event, "ordinal", None)
    return tag if ordinal is None else f"{tag} {refs[ordinal]}"
