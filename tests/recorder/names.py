"""Names that no other test uses, so that all may share one server."""

from uuid import uuid4

from eventsourcing.utils import Environment


def environment(nats_url: str) -> Environment:
    stream = f"ES_{uuid4().hex}"
    return Environment(name="Test", env={"JETSTREAM_SERVERS": nats_url, "JETSTREAM_STREAM": stream})
