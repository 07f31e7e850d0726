"""What an action asks for, worked out from a message: commands with ids of their own. Pure.

The ids follow from handler, message and place of the action, so a message that comes again does
nothing again (spec 6.3).
"""

from typing import Any

import msgspec

from firmus.workflow.expressions import Values, compile_template, resolve
from firmus_contracts import ids
from firmus_contracts.commands import StartWorkflow, TerminateWorkflow
from firmus_contracts.event_handlers import Action, EventHandler

_NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)

MESSAGE_ID = "conductor.event.messageId"
EVENT_NAME = "conductor.event.name"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`payload` is the JSON it holds, else its text. `stored_ms`: when it came to be."""

    message_id: str
    event: str
    payload: Any
    stored_ms: int


class TaskTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be ended: by its id, else by workflow and reference."""

    task_id: str | None
    workflow_id: str | None
    ref: str | None
    output: dict[str, Any]
    reason: str | None
    failed: bool


class VariablesTarget(msgspec.Struct, frozen=True, kw_only=True):
    workflow_id: str
    variables: dict[str, Any]
    append: bool


Wanted = StartWorkflow | TerminateWorkflow | TaskTarget | VariablesTarget


def payload_of(data: bytes) -> Any:
    """JSON, or the text itself; JSON that nests too deep is text too."""
    try:
        return msgspec.json.decode(data)
    except _NO_JSON:
        return data.decode("utf-8", "replace")


def expanded(value: Any) -> Any:
    """Texts that hold JSON become what they hold, through objects, not through lists."""
    if isinstance(value, dict):
        return {key: expanded(inner) for key, inner in value.items()}
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return expanded(msgspec.json.decode(value.strip()))
        except _NO_JSON:
            return value
    return value


def run_id(handler: EventHandler, message: Message, place: int) -> str:
    """What is done only once, however often the message comes."""
    return f"handler:{handler.name}:{message.event}:{message.message_id}_{place}"


def wanted(handler: EventHandler, message: Message, place: int) -> Wanted:
    """What action number `place` wants. Raises ValueError for one that says too little."""
    action = handler.actions[place]
    payload = expanded(message.payload) if action.expand_inline_json else message.payload
    document = payload if isinstance(payload, dict) else {}
    scope = Values(document)

    def of(template: Any) -> Any:
        return resolve(compile_template(template), scope)

    marks = {MESSAGE_ID: message.message_id, EVENT_NAME: message.event}
    command_id = run_id(handler, message, place)
    match action:
        case Action(action="start_workflow", start_workflow=start) if start is not None:
            name = _text(of(start.name))
            if not name:
                raise ValueError("start_workflow: no workflow is named")
            domains = start.task_to_domain or document.get("taskToDomain")
            return StartWorkflow(
                command_id=command_id,
                workflow_id=ids.derived_workflow_id(message.stored_ms, command_id),
                actor=f"handler:{handler.name}",
                name=name,
                version=start.version,
                input={**of(start.input), **marks},
                correlation_id=_text(of(start.correlation_id)),
                task_to_domain=domains if isinstance(domains, dict) else {},
                event=message.event,
            )
        case Action(action="complete_task" | "fail_task" as kind):
            details = action.complete_task if kind == "complete_task" else action.fail_task
            assert details is not None
            told = {
                "workflowId": _text(of(details.workflow_id)),
                "taskId": _text(of(details.task_id)),
                "taskRefName": _text(of(details.task_ref_name)),
                "reasonForIncompletion": _text(of(details.reason_for_incompletion)),
            }
            return TaskTarget(
                task_id=told["taskId"],
                workflow_id=told["workflowId"],
                ref=told["taskRefName"],
                output={**of(details.output), **told, **marks},
                reason=told["reasonForIncompletion"] if kind == "fail_task" else None,
                failed=kind == "fail_task",
            )
        case Action(action="terminate_workflow", terminate_workflow=ending) if ending is not None:
            return TerminateWorkflow(
                command_id=command_id,
                workflow_id=_named(of(ending.workflow_id)),
                actor=f"handler:{handler.name}",
                reason=_text(of(ending.termination_reason)),
            )
        case Action(update_workflow_variables=change) if change is not None:
            return VariablesTarget(
                workflow_id=_named(of(change.workflow_id)),
                variables=of(change.variables or {}),
                append=change.append_array is True,
            )
    raise ValueError(f"Action not supported {action.action} for event {message.event}")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _named(value: Any) -> str:
    if not isinstance(value, str) or not ids.is_workflow_id(value):
        raise ValueError(f"workflowId: {value!r} is no id of a workflow")
    return value
