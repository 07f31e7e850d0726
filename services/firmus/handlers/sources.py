"""Where the messages of an event come from (spec 6.1). Pure."""

import hashlib
from typing import Literal

import msgspec

from firmus.workflow.sinks import sink_of
from firmus_contracts.subjects import MESSAGES_STREAM

_UNSUPPORTED = frozenset({"sqs", "kafka", "nats_stream", "amqp", "amqp_queue", "amqp_exchange"})


class Source(msgspec.Struct, frozen=True):
    """`stored`: a JetStream stream keeps the messages (`stream`; None: whichever has the subject),
    and those from before the handler come too. `live`: whoever listens gets them. Several instances
    share the messages under the name `durable`.
    """

    kind: Literal["stored", "live"]
    subject: str
    durable: str
    stream: str | None = None


def source_of(event: str) -> Source:
    """Raises ValueError, saying why there is none."""
    kind, colon, name = event.partition(":")
    if not colon or not name:
        raise ValueError(f"Illegal event {event}: give TYPE:NAME")
    durable = f"handlers-{hashlib.sha256(event.encode()).hexdigest()[:24]}"
    match kind:
        case "conductor":
            return Source("stored", sink_of(event).subject, durable, MESSAGES_STREAM)
        case "jsm":
            subject, _, group = name.partition(":")
            return Source("stored", sink_of(f"jsm:{subject}").subject, group or durable)
        case "nats":
            subject, _, group = name.partition(":")
            return Source("live", sink_of(f"nats:{subject}").subject, group or durable)
    if kind in _UNSUPPORTED:
        raise ValueError(f"firmus takes no messages from {kind}: use conductor, nats or jsm")
    raise ValueError(f"Unknown queue type {kind}")
