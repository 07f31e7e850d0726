"""What a start event asks for: message in, StartWorkflow command out. Pure.

A message is `firmus.start.<definition>` with a body like Conductor's StartWorkflowRequest, all of
it optional; or the same as a CloudEvent in binary mode.
"""

from collections.abc import Mapping

import msgspec

from firmus_contracts import ids, subjects
from firmus_contracts.bodies import checked_start_request
from firmus_contracts.commands import StartWorkflow
from firmus_contracts.errors import Refusal
from firmus_contracts.leniency import Body
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.starts import start_command

PREFIX = subjects.START_SUBJECTS.removesuffix(">")
MESSAGE_ID = "Nats-Msg-Id"
EVENT_ID = "ce-id"
EVENT_SOURCE = "ce-source"
TRACE = "traceparent"
STRUCTURED = "application/cloudevents"

_BODY = Body(StartWorkflowRequest)


class StartMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the START stream. Header names are lower case; `delivery` counts from 1."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    stored_ms: int
    delivery: int = 1


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A start to make. Its key, if any, makes it the same as another one, for ever."""

    command: StartWorkflow
    strategy: str


def definition_of(subject: str) -> str:
    """The definition that a subject names. A name of several tokens is left as it stands."""
    written = subject.removeprefix(PREFIX)
    try:
        return subjects.untoken(written)
    except UnicodeDecodeError:
        return written


def read_start(message: StartMessage) -> Start:
    """The start that a message asks for; the same message always gives the same workflow id.

    Raises Refusal, with a message that names the field, for one that can never be a start.
    """
    definition = definition_of(message.subject)
    if "." in message.subject.removeprefix(PREFIX):
        raise Refusal("INVALID", f"the subject is not {PREFIX}<definition>: write a dot as %2E")
    if message.headers.get("content-type", "").startswith(STRUCTURED):
        raise Refusal("UNSUPPORTED", "a CloudEvent must come in binary mode: attributes in headers")
    request = _BODY.read(message.data or b"{}")
    if request.name and request.name != definition:
        raise Refusal("INVALID", f"name: {request.name} is not the subject's {definition}")
    request = checked_start_request(msgspec.structs.replace(request, name=definition))
    if request.workflow_def is not None:
        raise Refusal("UNSUPPORTED", "workflowDef: register the definition, then start it by name")
    key = request.idempotency_key or _event_key(message.headers)
    workflow_id = ids.derived_workflow_id(
        message.stored_ms, "start", definition, *_identity(message, key)
    )
    source = message.headers.get(EVENT_SOURCE)
    return Start(
        command=start_command(
            request,
            command_id=f"start:{workflow_id}",
            workflow_id=workflow_id,
            actor=f"nats:{source}" if source else "nats",
            trace=message.headers.get(TRACE),
            idempotency_key=key,
        ),
        strategy=request.idempotency_strategy or "RETURN_EXISTING",
    )


def _event_key(headers: Mapping[str, str]) -> str | None:
    """A CloudEvent is named by source and id together; JetStream does not look at these."""
    event_id = headers.get(EVENT_ID)
    return None if event_id is None else f"ce:{headers.get(EVENT_SOURCE, '')}#{event_id}"


def _identity(message: StartMessage, key: str | None) -> tuple[str, str]:
    """Two messages of one key are two starts: which of them counts, the key decides."""
    message_id = None if key else message.headers.get(MESSAGE_ID.lower())
    return ("message", message_id) if message_id else ("sequence", str(message.sequence))
