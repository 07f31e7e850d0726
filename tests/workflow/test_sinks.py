"""Sinks: what a message may be sent to."""

import pytest

from firmus.workflow.sinks import sink_of


@pytest.mark.parametrize(
    ("text", "kind", "subject"),
    [
        ("nats:orders.paid", "nats", "orders.paid"),
        ("jsm:orders.paid", "jsm", "orders.paid"),
        ("paid", "jsm", "firmus.events.paid"),
        ("conductor:paid", "jsm", "firmus.events.paid"),
        ("conductor:paid in full.", "jsm", "firmus.events.paid%20in%20full%2E"),
        ("jsm:firmus.start.order_flow", "jsm", "firmus.start.order_flow"),
    ],
)
def test_a_sink_is_a_kind_and_a_subject(text: str, kind: str, subject: str) -> None:
    sink = sink_of(text)

    assert (sink.kind, sink.subject) == (kind, subject)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "nats", "nats:", "conductor", "kafka:topic", ":x",
        "nats:a b", "nats:a.*", "nats:a.>", "nats:.a", "nats:a\r\nPUB x 0", "nats:ä",
        "nats:firmus.cmd.0", "jsm:workflow.failed.x.y", "jsm:task.x", "nats:$JS.API.INFO",
        "nats:_INBOX.x", "nats:" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_cannot_or_must_not_be_published_to_is_no_sink(text: str | None) -> None:
    with pytest.raises(ValueError):
        sink_of(text)
