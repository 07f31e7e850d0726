"""The parameters of queries and headers, each said once where several operations have it."""

from collections.abc import Sequence
from typing import Any, Final

from firmus.gateway.openapi.operations import Parameter
from firmus.gateway.openapi.schemas import schema_of
from firmus_contracts.shape import Int, Long
from firmus_contracts.statuses import TaskStatus

UNUSED: Final = "Taken and without effect, as in Conductor."
_BOOLEAN_CASES: Final = "In any case; `on`, `yes`, `1` and their opposites count too."


def text(
    name: str,
    about: str,
    *,
    default: str | None = None,
    among: Sequence[str] = (),
    required: bool = False,
    place: str = "query",
) -> Parameter:
    schema: dict[str, Any] = {"type": "string"}
    if among:
        schema["enum"] = list(among)
    if default is not None:
        schema["default"] = default
    return Parameter(name=name, about=about, schema=schema, required=required, place=place)


def texts(name: str, about: str, among: Sequence[str] = ()) -> Parameter:
    """A list, repeated or separated by commas."""
    item: dict[str, Any] = {"type": "string"}
    if among:
        item["enum"] = list(among)
    return Parameter(name=name, about=about, schema={"type": "array", "items": item})


def integer(name: str, about: str, *, default: int | None = None, **bounds: int) -> Parameter:
    return _number(Int, name, about, default, bounds)


def long(name: str, about: str, *, default: int | None = None, **bounds: int) -> Parameter:
    """A number of 64 bits, such as a time."""
    return _number(Long, name, about, default, bounds)


def flag(name: str, about: str, *, default: bool | None = False) -> Parameter:
    schema: dict[str, Any] = {"type": "boolean"}
    if default is not None:
        schema["default"] = default
    return Parameter(name=name, about=f"{about} {_BOOLEAN_CASES}", schema=schema)


def unused(name: str) -> Parameter:
    return Parameter(name=name, about=UNUSED, schema={"type": "string"}, unused=True)


def _number(
    kind: Any, name: str, about: str, default: int | None, bounds: dict[str, int]
) -> Parameter:
    schema = {**schema_of(kind), **bounds}
    if default is not None:
        schema["default"] = default
    return Parameter(name=name, about=about, schema=schema)


IDEMPOTENCY_KEY: Final = text(
    "Idempotency-Key",
    "The client's own name for this request, at most 256 characters: what is asked for twice under"
    " one name is done once.",
    place="header",
)
ACTOR: Final = text(
    "Firmus-Actor",
    "Who asks, at most 256 characters; kept with what is done and told with its events.",
    place="header",
)
TRACE: Final = text(
    "traceparent", "The W3C trace context that what is done belongs to.", place="header"
)
START_KEY: Final = text(
    "X-Idempotency-Key",
    "The key of a start whose body is the input; `idempotencyKey` of a request wins.",
    place="header",
)
ON_CONFLICT: Final = text(
    "X-On-Conflict",
    "What a start means whose key was used before. For `Idempotency-Key` alone RETURN_EXISTING.",
    among=("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"),
    place="header",
)
COMMAND: Final = (IDEMPOTENCY_KEY, ACTOR, TRACE)
"""What every operation takes that changes an execution."""
START: Final = (*COMMAND, START_KEY, ON_CONFLICT)

REASON: Final = text("reason", "Why; kept with what is done.")
INCLUDE_TASKS: Final = flag("includeTasks", "Whether the answer has the tasks.", default=True)
WITH_TASKS: Final = flag("includeTasks", "Whether the answer has the tasks.")
INCLUDE_CLOSED: Final = flag("includeClosed", "Whether those count too that have ended.")
ARCHIVE: Final = flag(
    "archiveWorkflow",
    "Whether search goes on listing it, which has to have ended; else search forgets it.",
    default=True,
)
FAILURE_WORKFLOW: Final = flag(
    "triggerFailureWorkflow", "Whether the failure workflow of the definition is started."
)
LATEST_DEFINITIONS: Final = flag(
    "useLatestDefinitions", "Whether it runs the latest version of its definition."
)
VERSION: Final = integer("version", "The version of the definition; the latest without it.")
WORKER: Final = text("workerid", "The worker that asks.")
DOMAIN: Final = text("domain", "The domain of the queue; none without it.")

WAIT_SECONDS: Final = integer(
    "waitForSeconds", "How long the answer may take; the workflow goes on afterwards.", default=10
)
WAIT_TASKS: Final = texts(
    "waitUntilTaskRef",
    "Reference names of tasks whose end answers the call too. Names of no task, such as the"
    " `None` that some clients send, wait for nothing.",
)
STRATEGY: Final = text(
    "returnStrategy",
    "What the answer tells of: the workflow, the (sub-)workflow that blocks, or the task that"
    " blocks.",
    among=("TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"),
    default="TARGET_WORKFLOW",
)
REQUEST_ID: Final = text("requestId", "Told back in the answer; made up without it.")

_PAGE: Final = (
    integer("start", "How many hits to leave out.", default=0, minimum=0),
    integer("size", "How many hits to answer with.", default=100, minimum=0, maximum=5000),
    text("sort", "`field:ASC` or `field:DESC`, several separated by commas."),
)
SEARCH: Final = (
    *_PAGE,
    text("freeText", "Words that a hit contains.", default="*"),
    text("query", "Conditions on fields; docs/search.md has the grammar."),
    text(
        "searchAfter",
        "Where the page before ended, from its header `firmus-search-next`; without `start`.",
    ),
    text(
        "atLeast",
        "A position of the log that the answer has to reach, or `latest`: everything that was"
        " answered before.",
    ),
)
WORKFLOW_SEARCH: Final = (
    *SEARCH,
    texts("classifier", "Kinds of workflows."),
    flag("topLevelOnly", "Whether sub-workflows are left out."),
)
SEARCH_HEADERS: Final = (
    ("firmus-search-position", "The position of the log that the answer reaches."),
    ("firmus-search-lag", "How many commits it is behind."),
    ("firmus-search-next", "`searchAfter` of the next page, when there is one."),
)
TASK_STATUSES: Final = texts("status", "Only tasks in these statuses.", [*TaskStatus])
PLACE: Final = (
    text("path", "The path that is read, or written again; a new one for WRITE without it."),
    text("operation", "In any case.", among=("READ", "WRITE"), required=True),
    text(
        "payloadType",
        "What is stored, in any case.",
        among=("WORKFLOW_INPUT", "WORKFLOW_OUTPUT", "TASK_INPUT", "TASK_OUTPUT"),
        required=True,
    ),
)
TICKET: Final = text("ticket", "Stands for a credential in addresses that this server gave out.")
SCHEDULE_PAGE: Final = (
    integer("start", "How many to leave out.", default=0),
    integer("size", "How many to answer with; all of them below 0.", default=100),
)
