"""All subjects and stream names; the only place that knows how they are written.

A subject token holds no dot, blank or wildcard, so names are written with percent signs where
needed: reversible, and unchanged for the names that people usually give.
"""

import re
from hashlib import sha256

LOG_STREAM = "LOG_{epoch}"
EVENTS_STREAM = "EVENTS"
START_STREAM = "START"
DEAD_LETTER_STREAM = "DEAD_LETTERS"
REJECTED_STREAM = "REJECTED"
DEFINITIONS_STREAM = "DEFINITIONS"
HANDLERS_STREAM = "HANDLERS"
HANDLED_STREAM = "HANDLED"
MESSAGES_STREAM = "MESSAGES"
KEYS_STREAM = "ACCESS"
SCHEDULES_STREAM = "SCHEDULES"
SCHEDULE_RUNS_STREAM = "SCHEDULE_RUNS"

EVENTS_SUBJECTS = ("workflow.*.*.*", "task.*.*.*.*")
START_SUBJECTS = "firmus.start.>"
DEAD_LETTER_SUBJECTS = "firmus.deadletter.>"
REJECTED_SUBJECTS = "firmus.rejected.>"
DEFINITIONS_SUBJECTS = "firmus.definitions.>"
HANDLERS_SUBJECTS = "firmus.handlers.>"
HANDLED_SUBJECTS = "firmus.handled.>"
MESSAGES_SUBJECTS = "firmus.events.>"
KEYS_SUBJECTS = "firmus.access.>"
SCHEDULES_SUBJECTS = "firmus.schedules.>"
SCHEDULE_RUNS_SUBJECTS = "firmus.runs.>"

POLLED = "firmus.polled"
WATCHED = "firmus.watched"
SEARCH = "firmus.search"
SEARCH_STANDBY = "firmus.search.standby"
PROJECTION_UPKEEP = "firmus.projection.upkeep"
PROJECTION_STATUS = "firmus.projection.status"
READY_ALL = "firmus.ready.>"
ANNOUNCE = "firmus.announce"
QUEUE_SIZES = "firmus.sizes"
REQUEUE = "firmus.requeue"

_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")
_EMPTY = "%"
_NAME_MAX = 200


def token(name: str) -> str:
    """A name as one subject token. Reversible by `untoken`."""
    if not name:
        return _EMPTY
    return _UNSAFE.sub(
        lambda m: b"%%%02X" % ord(m[0]), name.encode("utf-8", "surrogatepass")
    ).decode()


def untoken(text: str) -> str:
    """The name that `token` wrote."""
    if text == _EMPTY:
        return ""
    raw = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), text.encode())
    return raw.decode("utf-8", "surrogatepass")


def cache_key(definition: str, task: str, digest: str) -> str:
    """The key of an entry of the task cache: a definition's entries share their first token, a
    task's their first two. An overlong name stands there by its hash.
    """
    names = [token(name) for name in (definition, task)]
    short = [
        name if len(name) <= _NAME_MAX else f"%~{sha256(name.encode()).hexdigest()}"
        for name in names
    ]
    return f"{short[0]}.{short[1]}.{digest}"


def log_stream(epoch: int) -> str:
    return LOG_STREAM.format(epoch=epoch)


def log_subjects(epoch: int) -> str:
    return f"firmus.log.{epoch}.>"


def log_subject(epoch: int, shard: int, workflow_id: str) -> str:
    return f"firmus.log.{epoch}.{shard}.{workflow_id}"


def log_shard_subjects(epoch: int, shard: int) -> str:
    return f"firmus.log.{epoch}.{shard}.>"


def command_subject(shard: int) -> str:
    return f"firmus.cmd.{shard}"


def watch_subject(shard: int) -> str:
    """Waiters for a change of one workflow, answered by the shard's decider."""
    return f"firmus.watch.{shard}"


def poll_subject(instance: str) -> str:
    """Where a scheduler instance answers gateways that ask for tasks."""
    return f"firmus.poll.{token(instance)}"


def ready_subject(domain: str | None, task_type: str) -> str:
    return f"firmus.ready.{token(domain or '')}.{token(task_type)}"


def start_subject(definition: str) -> str:
    return f"firmus.start.{token(definition)}"


def message_subject(event: str) -> str:
    """Where the messages of an event of the system's own are kept."""
    return f"firmus.events.{token(event)}"


def handled_subject(handler: str) -> str:
    """Where it is kept what an event handler did."""
    return f"firmus.handled.{token(handler)}"


def dead_letter_subject(definition: str) -> str:
    return f"firmus.deadletter.{token(definition)}"


def rejected_subject(workflow_id: str) -> str:
    return f"firmus.rejected.{workflow_id}"


def workflow_event_subject(transition: str, definition: str, workflow_id: str) -> str:
    return f"workflow.{transition}.{token(definition)}.{workflow_id}"


def task_event_subject(transition: str, definition: str, workflow_id: str, ref: str) -> str:
    return f"task.{transition}.{token(definition)}.{workflow_id}.{token(ref)}"
