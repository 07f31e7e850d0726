"""What a search costs over many executions, and what the projection of a log costs.

usage: python benchmarks/search.py [--rows N] [--store sqlite|URL] [--folder DIR] [--json]

`--store` is the URL of a PostgreSQL database, whose read models are removed at the beginning.
`fill`: so many finished workflows of three tasks and three search attributes, written as the
projection writes them, and taken into the full-text index; microseconds are of this process's CPU.
`search`: the median and the slowest hundredth of each kind of question, asked again and again for
other values. `project`: events read from a log in memory, folded, and written as rows, per second
of CPU.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from firmus.decider.context import Context, Decision
from firmus.decider.decide import decide
from firmus.eventlog.memory import MemoryLog
from firmus.ports import LATEST, SearchRequest
from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import searchable, with_attributes
from firmus.projection.paging import after
from firmus.projection.port import Attributed, ReadModel, ReadModels, RowBatch
from firmus.projection.query import compile_search
from firmus.projection.service import ProjectionService
from firmus.projection.stores import models_of
from firmus.projection.views import PLAIN_CLASSIFIER, Row, task_row, workflow_row
from firmus.workflow.attributes import KEY, attributes_of, choice_of
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import answered
from firmus.workflow.masking import NOTHING
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.envelope import Cause, Commit

BATCH = 2_000
ASKED = 200
PROJECTED = 3_000
NOW_MS = 1_780_000_000_000
NAMES = [f"flow_{number:03}" for number in range(200)]
WORDS = [f"{a}{b}" for a in ("blue", "red", "old", "new", "far") for b in range(4_000)]
TASK_COUNT = 3
CHOSEN = choice_of(
    {
        KEY: {
            "customer": "${workflow.input.customer}",
            "total": {"value": "${workflow.input.total}", "type": "number"},
            "vip": {"value": "${workflow.input.vip}", "type": "boolean"},
        }
    }
).attributes


def blueprint(name: str) -> Blueprint:
    tasks = [
        {
            "name": f"t{number}",
            "taskReferenceName": f"t{number}",
            "inputParameters": {"word": "${workflow.input.word}"},
            "taskDefinition": {"name": f"t{number}"},
        }
        for number in range(TASK_COUNT)
    ]
    return Blueprint(msgspec.convert({"name": name, "tasks": tasks}, WorkflowDef), "0" * 64)


def finished(
    plan: Blueprint, number: int, given: dict[str, Any]
) -> tuple[WorkflowState, list[Commit]]:
    """A workflow from its start to its end, with the commits that tell it."""
    workflow_id = ids.mint_workflow_id(NOW_MS + number, number)
    state: WorkflowState | None = None
    commits: list[Commit] = []

    def give(command: cmd.Command) -> WorkflowState:
        outcome = decide(
            state, command, Context(now_ms=NOW_MS + number, entropy="e", blueprint=plan)
        )
        assert isinstance(outcome, Decision), outcome
        commit = Commit(
            commit_id=f"{number:08x}{len(commits):08x}",
            workflow_id=workflow_id,
            first_version=(state.version if state else 0) + 1,
            time_ms=NOW_MS + number,
            events=outcome.events,
            causes=(Cause(command_id=command.command_id, kind=cmd.kind_of(command)),),
        )
        commits.append(commit)
        return answered(outcome.state, commit)

    shared = {"workflow_id": workflow_id}
    state = give(
        cmd.StartWorkflow(
            command_id="s",
            name=plan.definition.name,
            input=given,
            correlation_id=f"c{number}",
            **shared,
        )
    )
    for ordinal in range(1, TASK_COUNT + 1):
        task_id = ids.task_id(workflow_id, ordinal)
        state = give(cmd.BeginTask(command_id=f"b{ordinal}", task_id=task_id, **shared))
        update = {"task_id": task_id, "output": {"ok": True}}
        state = give(cmd.UpdateTask(command_id=f"u{ordinal}", **update, **shared))
    return state, commits


def rows(count: int) -> Iterator[RowBatch]:
    """Batches of rows; the few shapes are folded once, ids and values are each row's own."""
    chance = random.Random(7)
    shapes = [finished(blueprint(name), 0, {"word": "W0RD"})[0] for name in NAMES]
    workflows: list[Row] = []
    tasks: list[Row] = []
    found: list[Attributed] = []
    for number in range(count):
        shape = chance.choice(shapes)
        workflow_id = ids.mint_workflow_id(NOW_MS + number * 10, number)
        state = msgspec.structs.replace(
            shape,
            workflow_id=workflow_id,
            created_ms=NOW_MS + number * 10,
            correlation_id=f"c{number}",
            input={
                "word": chance.choice(WORDS),
                "n": number,
                "customer": f"customer-{chance.randrange(count // 20 + 1)}",
                "total": chance.randrange(100_000) / 100,
                "vip": chance.random() < 0.5,
            },
        )
        attributes = attributes_of(CHOSEN, state, NOTHING)
        workflows.append(workflow_row(state, PLAIN_CLASSIFIER, NOTHING, attributes))
        found.append(Attributed(workflow_id, state.version, state.name, attributes))
        tasks += [task_row(state, row, state.version) for row in state.tasks.values()]
        if len(workflows) == BATCH:
            cursor = RowsCursor(number + 1)
            yield RowBatch(workflows=workflows, tasks=tasks, attributes=found, cursor=cursor)
            workflows, tasks, found = [], [], []
    yield RowBatch(workflows=workflows, tasks=tasks, attributes=found, cursor=RowsCursor(count + 1))


def fill(model: ReadModel, count: int) -> dict[str, Any]:
    write_s = index_s = write_wall_s = index_wall_s = 0.0
    for batch in rows(count):
        began, began_s = time.process_time(), time.perf_counter()
        model.begin()
        model.put(batch.workflows, batch.tasks)
        model.finish(batch)
        model.commit()
        write_s += time.process_time() - began
        write_wall_s += time.perf_counter() - began_s
        began, began_s = time.process_time(), time.perf_counter()
        while model.index_words():
            pass
        index_s += time.process_time() - began
        index_wall_s += time.perf_counter() - began_s
    made = count * (1 + TASK_COUNT)
    return {
        "what": f"fill {count}",
        "rows_per_s": round(made / write_wall_s),
        "write_us_per_row": round(write_s / made * 1e6, 1),
        "indexed_rows_per_s": round(made / index_wall_s),
        "index_us_per_row": round(index_s / made * 1e6, 1),
    }


def clear(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as database:
        found = database.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^firmus_rm'")
        for (name,) in found.fetchall():
            database.execute(f"DROP SCHEMA {name} CASCADE")


def settle(store: str) -> None:
    """What PostgreSQL does by itself within a minute: it looks how its values are spread."""
    with psycopg.connect(store, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")


def questions(count: int) -> dict[str, tuple[str, Callable[[random.Random], dict[str, str]]]]:
    """Each kind of question, with other values every time."""

    def between(chance: random.Random) -> dict[str, str]:
        since = NOW_MS + chance.randrange(count) * 10
        return {"query": f"startTime>={since} AND startTime<={since + 60_000}"}

    def dear(chance: random.Random) -> dict[str, str]:
        name, least = chance.choice(NAMES), chance.randrange(1_000)
        return {"query": f"workflowType={name} AND total>{least}"}

    return {
        "newest": ("workflows", lambda _: {}),
        "by an attribute": (
            "workflows",
            lambda chance: {"query": f"customer=customer-{chance.randrange(count // 20)}"},
        ),
        "by two, and status": (
            "workflows",
            lambda chance: {
                "query": f"customer=customer-{chance.randrange(count // 20)} AND vip=true"
                " AND status=COMPLETED"
            },
        ),
        "by a narrow range": (
            "workflows",
            lambda chance: {
                "query": f"total BETWEEN {(low := chance.randrange(999))} AND {low}.01"
            },
        ),
        "by a type and a range": ("workflows", dear),
        "by an attribute's order": ("workflows", lambda _: {"sort": "total:DESC"}),
        "by type and status": (
            "workflows",
            lambda chance: {"query": f"workflowType={chance.choice(NAMES)} AND status=COMPLETED"},
        ),
        "by correlation": (
            "workflows",
            lambda chance: {"query": f"correlationId=c{chance.randrange(count)}"},
        ),
        "by time": ("workflows", between),
        "by a word": ("workflows", lambda chance: {"free_text": chance.choice(WORDS)}),
        "by a word and type": (
            "workflows",
            lambda chance: {
                "free_text": chance.choice(WORDS),
                "query": f"workflowType IN ({chance.choice(NAMES)},{chance.choice(NAMES)})",
            },
        ),
        "tasks by a word": ("tasks", lambda chance: {"free_text": chance.choice(WORDS)}),
        "tasks of a type": ("tasks", lambda chance: {"query": f"taskType=t{chance.randrange(3)}"}),
    }


def ask(model: ReadModel, count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(11)
    for name, (kind, asked) in questions(count).items():
        what = searchable(model.dialect)[kind]
        if kind == "workflows":
            what = with_attributes(what, model.attribute_kinds())
        took_ms = []
        for _ in range(ASKED):
            given = {"query": "", "free_text": "*", "sort": "", **asked(chance)}
            began = time.perf_counter()
            model.find(what, compile_search(what, **given), start=0, size=20)
            took_ms.append((time.perf_counter() - began) * 1000)
        yield _quantiles(name, took_ms)
    yield _quantiles("deep pages", list(_deep(model, count)))


def _deep(model: ReadModel, count: int) -> Iterator[float]:
    """Pages by place, from the middle on."""
    workflows = searchable(model.dialect)["workflows"]
    plain = compile_search(workflows, query="", free_text="*", sort="")
    token = model.find(workflows, plain, start=count // 2, size=20).next
    for _ in range(ASKED):
        began = time.perf_counter()
        token = model.find(workflows, after(plain, token), start=0, size=20).next
        yield (time.perf_counter() - began) * 1000


def _quantiles(name: str, took_ms: list[float]) -> dict[str, Any]:
    ordered = sorted(took_ms)
    return {
        "what": f"search {name}",
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
    }


class _Open:
    """The lease of a projection that is alone."""

    held = True

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def acquire(self) -> None:
        """It is held already."""

    async def release(self) -> None:
        """Nobody else wants it."""


class _Definitions:
    async def workflow(self, _name: str, _version: int | None = None) -> WorkflowDef | None:
        return None

    async def workflows(self) -> list[WorkflowDef]:
        return []

    async def last_change(self) -> int:
        return 0

    async def pinned(self, _sha256: str) -> Blueprint:
        return blueprint("any")


async def project(models: ReadModels) -> dict[str, Any]:
    log = MemoryLog()
    events = 0
    plans = [blueprint(name) for name in NAMES]
    for number in range(PROJECTED):
        _, commits = finished(plans[number % len(plans)], number, {"word": WORDS[number]})
        position = 0
        for commit in commits:
            position = (await log.append(commit, expected=position)).position
            events += len(commit.events)
    service = ProjectionService(
        log=log,
        models=models,
        definitions=_Definitions(),
        lease=_Open(),
        publisher=None,
    )
    began, began_s = time.process_time(), time.perf_counter()
    running = asyncio.create_task(service.run())
    await service.active.wait()
    asked = SearchRequest(what="workflows", size=1, at_least=LATEST, wait_s=10.0)
    while (await service.local_search.search(asked)).lag:
        pass
    took_s, wall_s = time.process_time() - began, time.perf_counter() - began_s
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return {
        "what": f"project {PROJECTED}",
        "events": events,
        "events_per_cpu_s": round(events / took_s),
        "events_per_s": round(events / wall_s),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--store", default="sqlite", metavar="sqlite|URL")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    def tell(row: dict[str, Any]) -> None:
        shown = ", ".join(f"{key} {value}" for key, value in row.items())
        print(json.dumps(row) if options.json else shown, flush=True)

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.store != "sqlite":
            clear(options.store)
        tell(asyncio.run(project(models_of(options.store, Path(folder) / "projected"))))
        models = models_of(options.store, Path(folder) / "filled")
        number = models.unused()
        model = models.open(number)
        models.promote(number)
        tell(fill(model, options.rows))
        if options.store != "sqlite":
            settle(options.store)
        for row in ask(model, options.rows):
            tell(row)
        model.close()
        models.close()


if __name__ == "__main__":
    main()
