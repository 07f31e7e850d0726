"""Where messages of `onStateChange` may go: to a NATS subject, or under an event's name."""

from typing import Literal

import msgspec

from firmus_contracts.subjects import message_subject

_KINDS = ("nats", "jsm", "conductor")
_OURS = ("firmus.", "workflow.", "task.", "$", "_INBOX.")
_OPEN = ("firmus.start.", "firmus.events.")
_SUBJECT_MAX = 1024


class Sink(msgspec.Struct, frozen=True):
    """`jsm` is stored by the JetStream stream of its subject, `nats` goes to whoever listens."""

    kind: Literal["nats", "jsm"]
    subject: str


def sink_of(text: str | None) -> Sink:
    """Raises ValueError, saying why. Subjects of the system's own are closed, but for starts.

    A bare name is that of an event, as `conductor:NAME` is.
    """
    kind, colon, name = (text or "").partition(":")
    if kind and not colon and kind not in _KINDS:
        return Sink("jsm", message_subject(kind))
    if not name:
        raise ValueError("give nats:SUBJECT, jsm:SUBJECT, conductor:NAME or a bare NAME")
    match kind:
        case "conductor":
            return Sink("jsm", message_subject(name))
        case "nats":
            return Sink("nats", _subject(name))
        case "jsm":
            return Sink("jsm", _subject(name))
        case _:
            raise ValueError(f"there is no sink {kind}: use nats, jsm or conductor")


def _subject(text: str) -> str:
    tokens = text.split(".")
    if (
        len(text) > _SUBJECT_MAX
        or not text.isascii()
        or not text.isprintable()
        or " " in text
        or any(one in ("", "*", ">") for one in tokens)
    ):
        raise ValueError(f"{text!r} is no subject that can be published to")
    if text.startswith(_OURS) and not text.startswith(_OPEN):
        raise ValueError(f"{text} is a subject of the system's own")
    return text
