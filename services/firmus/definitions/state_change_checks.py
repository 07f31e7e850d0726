"""Which `onStateChange` may be registered: known transitions, and sinks that can be sent to."""

from collections.abc import Iterable

from firmus.definitions.task_checks import error
from firmus.workflow.sinks import sink_of
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.errors import ValidationError

TRANSITIONS = ("onScheduled", "onStart", "onFailed", "onSuccess", "onCancelled")
_KNOWN = frozenset(name.lower() for name in TRANSITIONS)


def state_changes_unsupported(task: WorkflowTask, prefix: str) -> Iterable[ValidationError]:
    for key, events in task.on_state_change.items():
        path = f"{prefix}onStateChange[{key}]"
        unknown = [name for name in key.split(",") if name.strip().lower() not in _KNOWN]
        if unknown:
            yield _refused(path, f"{unknown[0]!r} is none of {', '.join(TRANSITIONS)}", key)
        for number, wanted in enumerate(events):
            try:
                sink_of(wanted.type)
            except ValueError as problem:
                yield _refused(f"{path}[{number}].type", str(problem), wanted.type)


def _refused(path: str, why: str, value: str | None) -> ValidationError:
    return error(path, f"{path}: not supported by firmus: {why}", value)
