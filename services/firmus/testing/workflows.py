"""Where a test plays its workflows."""

import itertools
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firmus.decider.context import Limits
from firmus.rehearsal.world import Bounds
from firmus.testing.answers import Given, plain
from firmus.testing.play import Play
from firmus.testing.problems import Refused
from firmus.testing.registry import Definition, Registry
from firmus.testing.run import Run
from firmus.testing.scripting import ScriptThread
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import TaskDef

WALL_S = 30.0


class Workflows:
    """Definitions, and runs of them; every run is a world of its own.

    `folder` is where relative paths of definitions start. `bounds` and `wall_s` stop a run that
    comes to no end. As a context manager it closes the script engines in the end.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        bounds: Bounds | None = None,
        wall_s: float = WALL_S,
        scripts: ScriptThread | None = None,
    ) -> None:
        self._registry = Registry(folder)
        self._bounds = bounds or Bounds()
        self._wall_s = wall_s
        self._scripts = scripts or ScriptThread()
        self._own_scripts = scripts is None
        self._count = itertools.count(secrets.randbits(ids.RANDOM_BITS))

    def register(self, *definitions: Definition) -> None:
        """Makes workflows known: sub-workflows, failure workflows, those to be run by name.

        Raises DefinitionRefused for what no server would register.
        """
        for definition in definitions:
            self._registry.register(definition)

    def register_tasks(self, *definitions: Mapping[str, Any] | TaskDef) -> None:
        """Task definitions: retries, delays, timeouts. A task without one has the defaults.

        Raises DefinitionRefused.
        """
        for definition in definitions:
            self._registry.register_task(definition)

    def run(
        self,
        definition: Definition,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - Conductor's word
        tasks: Mapping[str, Given] | None = None,
        **options: Any,
    ) -> Run:
        """Plays a workflow to its end, on virtual time. Options as for `start`.

        Raises Blocked when nothing moves it before that; TooMuch when it comes to no end.
        """
        return self.start(definition, input, tasks, **options).finish()

    def start(
        self,
        definition: Definition,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - Conductor's word
        tasks: Mapping[str, Given] | None = None,
        *,
        task_definitions: Iterable[Mapping[str, Any] | TaskDef] = (),
        at: datetime | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        **fields: Any,
    ) -> Run:
        """Starts a workflow and does what is due at once; then time stands still until you move it.

        `tasks`: answers by the task's reference (or name); what it leaves out nobody answers.
        `at`: when it starts. `environment` and `secrets`: what expressions and workers read.
        `fields`: correlation_id, priority, task_to_domain, created_by.

        Raises DefinitionRefused; Refused when it cannot start.
        """
        self.register_tasks(*task_definitions)
        found = self._registry.register(definition)
        now_ms = int((time.time() if at is None else at.timestamp()) * 1000)
        play = Play(
            self._registry,
            self._scripts,
            tasks or {},
            now_ms=now_ms,
            environment=environment or {},
            secrets=secrets or {},
            limits=limits or Limits(),
            bounds=self._bounds,
            wall_s=self._wall_s,
        )
        workflow_id = ids.mint_workflow_id(now_ms, next(self._count))
        command = cmd.StartWorkflow(
            command_id="start",
            workflow_id=workflow_id,
            name=found.name,
            version=found.version,
            input=plain(input),
            **fields,
        )
        outcome = play.do(play.world.send(command))
        if isinstance(outcome, cmd.Rejected):
            raise Refused(outcome.code, outcome.message)
        return Run(play, workflow_id).until_blocked()

    def close(self) -> None:
        if self._own_scripts:
            self._scripts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
