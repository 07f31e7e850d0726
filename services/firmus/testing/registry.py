"""The definitions of a test, checked as a server checks them at registration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from firmus.definitions.checks import task_def_errors, workflow_errors
from firmus.definitions.snapshot import resolve
from firmus.definitions.syntax import javascript_error
from firmus.definitions.task_checks import Outside
from firmus.definitions.unsupported import task_def_unsupported, workflow_unsupported
from firmus.rehearsal.definitions import made_of
from firmus.testing.problems import DefinitionRefused
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.expressions import compiles
from firmus_contracts.bodies import decode_task_def, decode_workflow_def
from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.errors import ValidationError

Definition = Mapping[str, Any] | WorkflowDef | str | Path
"""A definition as JSON or struct, the path of a JSON file (ending in `.json`), or the name of one
that is registered.
"""


class Registry:
    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._tasks: dict[str, TaskDef] = {}
        self._workflows: dict[str, dict[int, WorkflowDef]] = {}

    def task(self, name: str) -> TaskDef | None:
        return self._tasks.get(name)

    def latest_version(self, name: str) -> int | None:
        return max(self._workflows.get(name, ()), default=None)

    def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None:
        """A definition; the highest version when none is given."""
        wanted = self.latest_version(name) if version is None else version
        return None if wanted is None else self._workflows.get(name, {}).get(wanted)

    def register_task(self, given: Mapping[str, Any] | TaskDef) -> None:
        """Raises DefinitionRefused."""
        definition = decode_task_def(msgspec.json.encode(given))
        _refuse(definition.name, task_def_errors(definition) or task_def_unsupported(definition))
        self._tasks[definition.name] = definition

    def register(self, given: Definition) -> WorkflowDef:
        """Replaces the same version when it is there. Raises DefinitionRefused, FileNotFoundError,
        LookupError for the name of none.
        """
        if isinstance(given, str) and not given.endswith(".json"):
            found = self.workflow(given)
            if found is None:
                raise LookupError(f"no workflow is registered as {given!r}; a file ends in .json")
            return found
        definition = decode_workflow_def(self._json(given))
        self.check(definition)
        self._workflows.setdefault(definition.name, {})[definition.version] = definition
        return definition

    def check(self, definition: WorkflowDef) -> None:
        """Raises DefinitionRefused."""
        outside = Outside(
            script_error=javascript_error, compiles=compiles, task_def=self._tasks.get
        )
        errors = workflow_errors(definition, outside) or workflow_unsupported(definition)
        _refuse(definition.name, errors)

    def blueprint(self, definition: WorkflowDef) -> Blueprint:
        """The snapshot that a start runs. Raises Refusal."""
        return made_of(resolve(definition, self.task, self.latest_version))

    def _json(self, given: Definition) -> bytes:
        if isinstance(given, str | Path):
            path = Path(given)
            if self._folder is not None and not path.is_absolute():
                path = self._folder / path
            return path.read_bytes()
        if isinstance(given, WorkflowDef):
            return msgspec.json.encode(given)
        return json.dumps(given).encode()


def _refuse(name: str, errors: tuple[ValidationError, ...]) -> None:
    if errors:
        raise DefinitionRefused(name, errors)
