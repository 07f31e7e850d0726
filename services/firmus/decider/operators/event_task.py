"""EVENT: a message for others (spec 3.6.18).

A `conductor` sink is inside the system: the message stands in the log with the end of the row, in
the same decision, and the scheduler puts it where event handlers find it. A message for a broker
is sent by the system worker, and made here: what the worker sees with secrets in it never comes
back.
"""

from typing import Any

from firmus.decider.operators import system_task
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

SENT = "onSend"
"""The transition that a message of an EVENT task names."""
BROKERS = frozenset({"nats", "jsm"})
"""Sink types that the system worker can send to."""


def plan(planned: Plan, task: WorkflowTask) -> None:
    key = f"event:{task.task_reference_name}:sink"
    sink = planned.resolved(key, task.sink, planned.scope())
    given = planned.input_of(task, with_template=False)
    given = {**given, "sink": sink, "asyncComplete": task.async_complete}
    if _is_for_broker(sink):
        system_task.add(planned, task, given, output=_message(planned.turn.state, given, sink))
    else:
        planned.add(task, task_type="EVENT", status=TaskStatus.SCHEDULED, input=given)


def execute(turn: Turn, row: TaskState) -> None:
    if row.made.queued or row.status is not TaskStatus.SCHEDULED:
        return
    ordinal, sink = row.ordinal, row.input.get("sink")
    event = _conductor_event(sink, turn.state.name, row.ref)
    output = _message(turn.state, row.input, sink if event is None else event)
    if event is None:
        turn.emit(ev.TaskFailed(ordinal=ordinal, reason=_problem(sink), output=output))
        return
    turn.emit(
        ev.StateEventRaised(ordinal=ordinal, transition=SENT, sink=event or "", payload=output)
    )
    if row.input.get("asyncComplete"):
        turn.emit(ev.TaskBegun(ordinal=ordinal, output=output))
    else:
        turn.emit(ev.TaskCompleted(ordinal=ordinal, output=output))


def retry_fields(
    turn: Turn, _ordinal: int, given: dict[str, Any], _delay_ms: int
) -> dict[str, Any]:
    sink = given.get("sink")
    return {"output": _message(turn.state, given, sink)} if _is_for_broker(sink) else {}


def _is_for_broker(sink: object) -> bool:
    return isinstance(sink, str) and ":" in sink and sink.partition(":")[0] in BROKERS


def _message(state: WorkflowState, given: dict[str, Any], event: Any) -> dict[str, Any]:
    """The input and where it comes from: this is the message, and the task's output."""
    return {
        **given,
        "workflowInstanceId": state.workflow_id,
        "workflowType": state.name,
        "workflowVersion": state.definition_version,
        "correlationId": state.correlation_id,
        "taskToDomain": state.task_to_domain,
        **({} if event is None else {"event_produced": event}),
    }


def _conductor_event(sink: object, workflow: str, ref: str) -> str | None:
    """The event's name; None for a sink that is not Conductor's own."""
    if sink == "conductor":
        return f"conductor:{workflow}:{ref}"
    if isinstance(sink, str) and sink.startswith("conductor:"):
        return f"conductor:{workflow}:{sink.removeprefix('conductor:')}"
    return None


def _problem(sink: object) -> str:
    if not isinstance(sink, str) or sink.startswith("conductor"):
        return f"Invalid / Unsupported sink specified: {sink}"
    kind, colon, _ = sink.partition(":")
    if not colon:
        return f"Illegal event {sink}"
    return f"Error loading queue:{sink}, error: Unknown queue type {kind}"


OPERATOR = Operator(plan=plan, execute=execute, retry_fields=retry_fields, system=True)
