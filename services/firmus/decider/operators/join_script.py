"""JOIN with a script: the script, not the end of all branches, says when and how it ends.

Conductor's open-source server ignores the script. Here it is asked whenever a joined task ends; it
sees as `$` the list `joinOn` and, for each reference that has a row, `{status, output, reason}`,
and answers `{status, reasonForIncompletion, outputData}` (or true for COMPLETED). IN_PROGRESS
waits on; once nothing more can end, a script that still waits fails the JOIN: it would wait for
ever.
"""

from typing import Any

from firmus.decider.context import ScriptNeed
from firmus.decider.turn import Turn
from firmus.workflow.joins import joined_rows_refs
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask

EVALUATORS = frozenset({"javascript", "graaljs", "js"})


def has_script(task: WorkflowTask) -> bool:
    return bool(task.expression and task.expression.strip())


def execute(turn: Turn, row: TaskState, task: WorkflowTask, gathered: dict[str, Any]) -> None:
    """`gathered` is the output of a JOIN without a script: what has been joined so far."""
    evaluator = task.evaluator_type or "javascript"
    if evaluator not in EVALUATORS:
        problem = f"No evaluator registered for type: {evaluator}"
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=problem, terminal_error=True))
        return
    scope = _scope(turn, row)
    statuses = ",".join(f"{ref}={one['status']}" for ref, one in scope.items() if ref != "joinOn")
    need = ScriptNeed(
        key=f"{row.ordinal}:join:{statuses}",
        evaluator="javascript" if evaluator == "js" else evaluator,
        expression=task.expression or "",
        scope=scope,
    )
    answer = turn.script(need)
    if answer.error is not None:
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=answer.error, terminal_error=True))
        return
    event = _event(row.ordinal, answer.value, gathered)
    if event is None and turn.state.missing.get(row.ordinal, 0) == 0:
        problem = "The script of the JOIN leaves it IN_PROGRESS although all it joins has ended"
        event = ev.TaskFailed(ordinal=row.ordinal, output=gathered, reason=problem)
    if event is not None:
        turn.emit(event)


def _scope(turn: Turn, row: TaskState) -> dict[str, Any]:
    names = list(dict.fromkeys(row.input.get("joinOn") or []))
    scope: dict[str, Any] = {"joinOn": names}
    for name, ref in zip(names, joined_rows_refs(row.made), strict=True):
        joined = turn.state.task(ref)
        if joined is not None:
            scope[name] = {
                "status": joined.status.value,
                "output": joined.output,
                "reason": joined.reason,
            }
    return scope


def _event(
    ordinal: int, value: Any, gathered: dict[str, Any]
) -> ev.TaskCompleted | ev.TaskCompletedWithErrors | ev.TaskFailed | ev.TaskCanceled | None:
    if value is True:
        return ev.TaskCompleted(ordinal=ordinal, output=gathered)
    if not isinstance(value, dict):
        return None
    given = value.get("outputData")
    output = given if isinstance(given, dict) else gathered
    reason = value.get("reasonForIncompletion")
    text = None if reason is None else str(reason)
    match value.get("status"):
        case "COMPLETED":
            return ev.TaskCompleted(ordinal=ordinal, output=output, reason=text)
        case "COMPLETED_WITH_ERRORS":
            return ev.TaskCompletedWithErrors(ordinal=ordinal, output=output, reason=text)
        case "FAILED":
            return ev.TaskFailed(ordinal=ordinal, output=output, reason=text)
        case "FAILED_WITH_TERMINAL_ERROR":
            return ev.TaskFailed(ordinal=ordinal, output=output, reason=text, terminal_error=True)
        case "CANCELED":
            return ev.TaskCanceled(ordinal=ordinal, output=output, reason=text)
        case _:
            return None
