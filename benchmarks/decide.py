"""What a decision costs, without any service around it: CPU per command and per event.

usage: python benchmarks/decide.py [--json]

`sequence`: a definition of 50 tasks in a row, begun and completed one after the other. `fork`: a
dynamic fork of n tasks, each begun and completed; `loop`: a DO_WHILE of n passes over a list; the
cost per event should not grow with n.
`fold`: reading such a history back. `stored` adds what a commit costs to encode and to decode.
"""

import argparse
import gc
import json
import time
from typing import Any

import msgspec

from firmus.decider.context import Context, Decision
from firmus.decider.decide import decide
from firmus.eventlog.codec import decode, encode
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import answered, fold
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.envelope import Cause, Commit

NOW_MS = 1_700_000_000_000
WORKFLOW = ids.mint_workflow_id(NOW_MS, 7)
LONG = 50
WIDTHS = (10, 100, 1_000, 10_000)
PASSES = (100, 1_000, 10_000)
REPEATS = 3


def blueprint(*tasks: dict[str, Any]) -> Blueprint:
    given = {"name": "flow", "tasks": list(tasks)}
    return Blueprint(msgspec.convert(given, WorkflowDef), "0" * 64)


def simple(ref: str) -> dict[str, Any]:
    return {
        "name": ref,
        "taskReferenceName": ref,
        "inputParameters": {"x": "${workflow.input.x}"},
        "taskDefinition": {"name": ref, "retryCount": 1},
    }


def sequence() -> Blueprint:
    return blueprint(*(simple(f"t{number}") for number in range(LONG)))


def fork() -> Blueprint:
    inputs = {"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"}
    names = {"dynamicForkTasksParam": "tasks", "dynamicForkTasksInputParamName": "inputs"}
    return blueprint(
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN_DYNAMIC",
            "inputParameters": inputs,
            **names,
        },
        {"name": "join", "taskReferenceName": "join", "type": "JOIN"},
    )


def loop() -> Blueprint:
    """Passes that need neither worker nor script."""
    body = {
        "name": "body",
        "taskReferenceName": "body",
        "type": "SET_VARIABLE",
        "inputParameters": {"at": "${loop.output.iteration}"},
    }
    return blueprint(
        {
            "name": "loop",
            "taskReferenceName": "loop",
            "type": "DO_WHILE",
            "items": "${workflow.input.items}",
            "loopOver": [body],
        }
    )


def fork_input(width: int) -> dict[str, Any]:
    refs = [f"r{number}" for number in range(width)]
    task = {"type": "SIMPLE", "taskDefinition": {"name": "branch", "retryCount": 1}}
    return {
        "tasks": [{"name": "branch", "taskReferenceName": ref, **task} for ref in refs],
        "inputs": {ref: {"x": number} for number, ref in enumerate(refs)},
    }


class Run:
    """One workflow, decided from start to end; `commits` is its history."""

    def __init__(self, plan: Blueprint) -> None:
        self._plan = plan
        self.state: WorkflowState | None = None
        self.commits: list[Commit] = []
        self.decide_s = 0.0
        self.events = 0

    def give(self, command: cmd.Command) -> None:
        """Decides and notes the commit; only the deciding is timed."""
        context = Context(now_ms=NOW_MS, entropy="e", blueprint=self._plan)
        began = time.process_time()
        outcome = decide(self.state, command, context)
        self.decide_s += time.process_time() - began
        assert isinstance(outcome, Decision), outcome
        version = self.state.version if self.state else 0
        count = len(outcome.events)
        commit = Commit(
            commit_id=f"{len(self.commits):016x}",
            workflow_id=WORKFLOW,
            first_version=version + 1,
            time_ms=NOW_MS,
            events=outcome.events,
            causes=(Cause(command_id=command.command_id, kind=cmd.kind_of(command), events=count),),
        )
        self.state = answered(outcome.state, commit)
        self.commits.append(commit)
        self.events += count

    def go_on(self) -> None:
        """Continues for as long as decisions are split."""
        while self.state is not None and self.state.split:
            command_id = f"c{self.state.version}"
            self.give(cmd.Continue(command_id=command_id, workflow_id=WORKFLOW))

    def all_of_it(self, given: dict[str, Any]) -> None:
        start = cmd.StartWorkflow(
            command_id="start", workflow_id=WORKFLOW, name="flow", input=given
        )
        self.give(start)
        self.go_on()
        while self.state is not None and not self.state.status.terminal:
            queued = [
                row.ordinal
                for row in self.state.rows()
                if row.made.queued and row.status.value == "SCHEDULED"
            ]
            for ordinal in queued:
                task_id = ids.task_id(WORKFLOW, ordinal)
                self.give(
                    cmd.BeginTask(command_id=f"b{ordinal}", workflow_id=WORKFLOW, task_id=task_id)
                )
                self.give(
                    cmd.UpdateTask(
                        command_id=f"u{ordinal}",
                        workflow_id=WORKFLOW,
                        task_id=task_id,
                        output={"ok": True},
                    )
                )


def measured(name: str, plan: Blueprint, given: dict[str, Any]) -> dict[str, Any]:
    """The best of some runs, in microseconds."""
    best: dict[str, float] = {}
    events = commits = 0
    for _ in range(REPEATS):
        run = Run(plan)
        run.all_of_it(given)
        events, commits = run.events, len(run.commits)
        folded_s = _timed_fold(run.commits)
        stored_s = _timed_storing(run.commits)
        figures = {"decide": run.decide_s, "fold": folded_s, "stored": stored_s}
        for key, seconds in figures.items():
            best[key] = min(best.get(key, seconds), seconds)
    return {
        "what": name,
        "events": events,
        "commits": commits,
        "decide_us_per_event": round(best["decide"] / events * 1e6, 1),
        "decide_us_per_commit": round(best["decide"] / commits * 1e6, 1),
        "fold_us_per_event": round(best["fold"] / events * 1e6, 1),
        "stored_us_per_commit": round(best["stored"] / commits * 1e6, 1),
    }


def _timed_fold(commits: list[Commit]) -> float:
    began, state = time.process_time(), None
    for commit in commits:
        state = fold(state, commit)
    return time.process_time() - began


def _timed_storing(commits: list[Commit]) -> float:
    began = time.process_time()
    for commit in commits:
        decode(WORKFLOW, encode(commit).stored)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the services run
    cases = [(f"sequence {LONG}", sequence(), {"x": 1})]
    cases += [(f"fork {width}", fork(), fork_input(width)) for width in WIDTHS]
    cases += [(f"loop {count}", loop(), {"items": list(range(count))}) for count in PASSES]
    for name, plan, given in cases:
        row = measured(name, plan, given)
        shown = ", ".join(f"{key} {value}" for key, value in row.items())
        print(json.dumps(row) if options.json else shown)


if __name__ == "__main__":
    main()
