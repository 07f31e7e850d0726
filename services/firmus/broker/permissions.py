"""What each user of NATS may publish to and subscribe to: the least that its service needs.

A pure table, from which the server's configuration is written (`configuration`); a test runs the
whole system with it. What it holds apart is what firmus is about: only deciders write the log, only
the projection writes EVENTS, outsiders hand in starts and hear what happened.

A user reads replies below `_INBOX.<its name>` only, and who answers may write to the users that
ask. Nobody outside may make consumers: a consumer's messages go to a subject of its maker's choice,
whatever its maker may publish to. So do JetStream's answers, an acknowledgement as well as a
message that is read: whoever may ask it for anything can have that written anywhere in their
account. So producers have an account of their own, which has nothing in it but the way to START;
answers come back into it and lead nowhere else.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from firmus.broker import streams
from firmus.broker.access import INBOX
from firmus_contracts import subjects

Kind = Literal[
    "decider",
    "scheduler",
    "projection",
    "gateway",
    "intake",
    "schedules",
    "system-worker",
    "worker",
    "producer",
    "subscriber",
    "operator",
]

SERVICES: Final[tuple[Kind, ...]] = (
    *("decider", "scheduler", "projection", "gateway", "intake", "schedules", "system-worker"),
)
ASKERS: Final[tuple[Kind, ...]] = (
    *("gateway", "scheduler", "intake", "schedules", "system-worker", "worker", "operator"),
)
"""Who asks deciders, schedulers and the projection."""
POLLERS: Final[frozenset[Kind]] = frozenset({"gateway", "system-worker", "worker"})
"""Who takes tasks, and tells the scheduler that they have come."""

ACCOUNT = "FIRMUS"
PRODUCERS_ACCOUNT = "PRODUCERS"

LOG = subjects.log_stream(streams.FIRST_EPOCH)
API = "$JS.API"


class Permissions(msgspec.Struct, frozen=True):
    """Subjects, wildcards allowed."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def permissions(
    name: str,
    kind: Kind,
    users: Mapping[str, Kind],
    *,
    outside: Sequence[str] = (),
) -> Permissions:
    """Of one user among all. `outside`: subjects that are not firmus' own, to which workflows send
    messages and from which event handlers take them.
    """
    given = _TABLE[kind]
    publish, subscribe = [*given.publish], [*given.subscribe, f"{INBOX}.{name}.>"]
    if kind in {"decider", "scheduler", "projection"}:
        publish += [f"{INBOX}.{asker}.>" for asker in users if users[asker] in ASKERS]
    if kind in POLLERS:
        publish += [f"{INBOX}.{each}.>" for each in users if users[each] == "scheduler"]
    if kind in {"scheduler", "system-worker"}:
        publish += outside
    if kind == "intake":
        subscribe += outside
    if kind == "subscriber":
        publish += _taking(subjects.EVENTS_STREAM, name)
    return Permissions(_each_once(publish), _each_once(subscribe))


def configuration(
    users: Mapping[str, Kind], passwords: Mapping[str, str], *, outside: Sequence[str] = ()
) -> str:
    """The `accounts` block of a nats-server's configuration."""
    inside: list[str] = []
    apart: list[str] = []
    for name, kind in users.items():
        may = permissions(name, kind, users, outside=outside)
        (apart if kind == "producer" else inside).extend(_user(name, may, passwords[name]))
    shared = _TABLE["producer"].publish
    exports = [f'      {{ service: "{subject}" }}' for subject in shared]
    imports = [
        f'      {{ service: {{ account: {ACCOUNT}, subject: "{subject}" }} }}' for subject in shared
    ]
    lines = ["accounts {", f"  {ACCOUNT} {{", "    jetstream: enabled"]
    lines += [*_list("users", inside), *_list("exports", exports), "  }"]
    lines += [f"  {PRODUCERS_ACCOUNT} {{"]
    lines += [*_list("users", apart), *_list("imports", imports), "  }"]
    return "\n".join([*lines, "}"]) + "\n"


def _list(what: str, lines: Sequence[str]) -> list[str]:
    return [f"    {what}: [", *lines, "    ]"]


def _user(name: str, may: Permissions, password: str) -> list[str]:
    return [
        "      {",
        f'        user: "{name}"',
        f"        password: {msgspec.json.encode(password).decode()}",
        "        permissions: {",
        *_block("publish", may.publish),
        *_block("subscribe", may.subscribe),
        "        }",
        "      }",
    ]


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    """Without what a wider one among them covers."""
    wide = f"{API}.STREAM.INFO."
    covered = wide + "*" in names
    return tuple(
        dict.fromkeys(
            name for name in names if not (covered and name.startswith(wide) and name[-1] != "*")
        )
    )


def _block(what: str, names: Sequence[str]) -> list[str]:
    return [f"          {what}: [", *(f'            "{name}"' for name in names), "          ]"]


def _reading(stream: str) -> tuple[str, ...]:
    """Single messages and pages of a stream."""
    return (
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}.>",
    )


def _following(stream: str) -> tuple[str, ...]:
    """A stream from some point on, through consumers of one's own."""
    return (
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.CONSUMER.CREATE.{stream}.*",
        f"{API}.CONSUMER.DELETE.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
    )


def _taking(stream: str, consumer: str) -> tuple[str, ...]:
    """Messages of a durable consumer that is there."""
    return (
        f"{API}.CONSUMER.INFO.{stream}.{consumer}",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _bucket(name: str, keys: str = ">") -> tuple[str, ...]:
    """Reading a bucket, and writing some keys of it."""
    return (*_reading(f"KV_{name}"), f"$KV.{name}.{keys}")


_DEFINITIONS = _reading(subjects.DEFINITIONS_STREAM)
_PAYLOADS = _bucket(streams.PAYLOADS_BUCKET)
_LEASES = _reading(f"KV_{streams.LEASES_BUCKET}")
_ANY_STREAM = (f"{API}.STREAM.INFO.*", *_reading(f"KV_{streams.META_BUCKET}"))
"""What every service looks at when it begins."""
_COMMANDS = (
    *(*_ANY_STREAM, "firmus.cmd.*", *_reading(LOG), *_PAYLOADS, *_DEFINITIONS),
    *_bucket(streams.KEYS_BUCKET),
)
"""What it takes to send commands, start workflows and read them."""
_POLLS = ("firmus.poll.*", subjects.ANNOUNCE, subjects.QUEUE_SIZES, subjects.REQUEUE)
_ASKED = (
    *(subjects.SEARCH, subjects.SEARCH_STANDBY),
    *(subjects.PROJECTION_STATUS, subjects.PROJECTION_UPKEEP),
)


def _lease(keys: str) -> str:
    return f"$KV.{streams.LEASES_BUCKET}.{keys}"


def _decider() -> Permissions:
    return Permissions(
        publish=(
            *(*_ANY_STREAM, f"{API}.STREAM.CREATE.*", f"$KV.{streams.META_BUCKET}.layout"),
            *(*_reading(LOG), subjects.log_subjects(streams.FIRST_EPOCH), *_PAYLOADS),
            *(*_DEFINITIONS, subjects.REJECTED_SUBJECTS, subjects.WATCHED),
            *(*_bucket(streams.CACHE_BUCKET), *_bucket(streams.SLOTS_BUCKET)),
            *(*_LEASES, _lease("decider.>")),
        ),
        subscribe=(
            *("firmus.cmd.*", "firmus.watch.*", subjects.POLLED, subjects.DEFINITIONS_SUBJECTS),
            *(_lease("decider.>"), f"$KV.{streams.SLOTS_BUCKET}.>"),
        ),
    )


def _scheduler() -> Permissions:
    checkpoints = f"OBJ_{streams.CHECKPOINTS_BUCKET}"
    return Permissions(
        publish=(
            *(*_COMMANDS, *_following(LOG), subjects.READY_ALL, subjects.MESSAGES_SUBJECTS),
            *(*_reading(checkpoints), f"$O.{streams.CHECKPOINTS_BUCKET}.>"),
            *(f"{API}.STREAM.PURGE.{checkpoints}", f"{API}.CONSUMER.CREATE.{checkpoints}.>"),
            *(f"{API}.CONSUMER.DELETE.{checkpoints}.*", f"$JS.FC.{checkpoints}.>"),
            # How nats-py finds and reads the chunks of an object.
            *(f"{API}.STREAM.NAMES", f"{API}.CONSUMER.CREATE.{checkpoints}"),
            *(*_bucket(streams.SLOTS_BUCKET), *_LEASES, _lease("scheduler.>")),
        ),
        subscribe=(
            *(*_POLLS, subjects.DEFINITIONS_SUBJECTS, _lease("scheduler.>")),
            f"$KV.{streams.SLOTS_BUCKET}.>",
        ),
    )


def _projection() -> Permissions:
    return Permissions(
        publish=(
            *(*_ANY_STREAM, *_reading(LOG), *_following(LOG), *_DEFINITIONS),
            *_reading(f"KV_{streams.PAYLOADS_BUCKET}"),
            *(*subjects.EVENTS_SUBJECTS, *_reading(subjects.EVENTS_STREAM)),
            *(f"{API}.STREAM.MSG.DELETE.{subjects.EVENTS_STREAM}", *_LEASES, _lease("projection")),
        ),
        subscribe=(*_ASKED, subjects.DEFINITIONS_SUBJECTS, _lease("projection")),
    )


def _gateway() -> Permissions:
    kept = (
        (subjects.DEFINITIONS_STREAM, subjects.DEFINITIONS_SUBJECTS),
        (subjects.SCHEDULES_STREAM, subjects.SCHEDULES_SUBJECTS),
        (subjects.HANDLERS_STREAM, subjects.HANDLERS_SUBJECTS),
        (subjects.KEYS_STREAM, subjects.KEYS_SUBJECTS),
    )
    return Permissions(
        publish=(
            *(*_COMMANDS, "firmus.watch.*", *_POLLS, *_ASKED, subjects.POLLED),
            *(one for stream, names in kept for one in (*_reading(stream), names)),
            *_reading(subjects.SCHEDULE_RUNS_STREAM),
            *_bucket(streams.CACHE_BUCKET, "rehearsal.*"),
            *(
                f"$KV.{streams.META_BUCKET}.polls",
                f"{API}.STREAM.NAMES",
                f"{API}.CONSUMER.INFO.*.*",
            ),
        ),
        subscribe=(
            *(subjects.POLLED, subjects.WATCHED, subjects.READY_ALL),
            *(names for _, names in kept),
        ),
    )


def _intake() -> Permissions:
    start, messages = subjects.START_STREAM, subjects.MESSAGES_STREAM
    taken = (
        (f"{API}.CONSUMER.CREATE.{stream}.>", f"{API}.CONSUMER.DURABLE.CREATE.{stream}.*")
        for stream in (start, messages)
    )
    return Permissions(
        publish=(
            *(*_COMMANDS, *(one for pair in taken for one in pair)),
            *(*_taking(start, "*"), *_taking(messages, "*"), f"{API}.STREAM.NAMES"),
            *(subjects.DEAD_LETTER_SUBJECTS, subjects.HANDLED_SUBJECTS),
            *_reading(subjects.HANDLERS_STREAM),
        ),
        subscribe=(subjects.HANDLERS_SUBJECTS, subjects.DEFINITIONS_SUBJECTS),
    )


def _schedules() -> Permissions:
    runs = subjects.SCHEDULE_RUNS_STREAM
    return Permissions(
        publish=(
            *(*_COMMANDS, *_reading(subjects.SCHEDULES_STREAM)),
            *(*_reading(runs), subjects.SCHEDULE_RUNS_SUBJECTS, *_LEASES, _lease("schedules")),
        ),
        subscribe=(subjects.SCHEDULES_SUBJECTS, subjects.DEFINITIONS_SUBJECTS, _lease("schedules")),
    )


_TABLE: Final[dict[Kind, Permissions]] = {
    "decider": _decider(),
    "scheduler": _scheduler(),
    "projection": _projection(),
    "gateway": _gateway(),
    "intake": _intake(),
    "schedules": _schedules(),
    "system-worker": Permissions(
        publish=(*_COMMANDS, *_POLLS, subjects.START_SUBJECTS),
        subscribe=(subjects.READY_ALL, subjects.DEFINITIONS_SUBJECTS),
    ),
    "worker": Permissions(
        publish=(
            *(*_COMMANDS, "firmus.watch.*", *_POLLS, subjects.POLLED, subjects.START_SUBJECTS),
        ),
        subscribe=(subjects.READY_ALL, subjects.WATCHED, subjects.EVENTS_SUBJECTS[0]),
    ),
    "producer": Permissions(publish=(subjects.START_SUBJECTS,), subscribe=()),
    "subscriber": Permissions(
        publish=_reading(subjects.EVENTS_STREAM), subscribe=subjects.EVENTS_SUBJECTS
    ),
    "operator": Permissions(
        publish=(f"{API}.>", *_ASKED, subjects.KEYS_SUBJECTS), subscribe=subjects.EVENTS_SUBJECTS
    ),
}
