"""What a request says beside its body: who asks, its trace, and which request it repeats.

Each reads what it needs with a function that gives a header's text by its name, in any case, or
None. What makes two starts one (spec 4.13): `idempotencyKey` and `idempotencyStrategy` of the
body; the headers X-Idempotency-Key and X-On-Conflict, where the body is the input; or the header
Idempotency-Key, with which a request repeated is answered as the first one was.
"""

from collections.abc import Callable
from typing import TypeAlias, get_args

from firmus.security.grants import Principal
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest

Header: TypeAlias = Callable[[str], str | None]

ACTOR = "Firmus-Actor"
IDEMPOTENCY_KEY = "Idempotency-Key"
START_KEY = "X-Idempotency-Key"
STRATEGY = "X-On-Conflict"
_TRACE = "traceparent"
_TRACE_CHARS = 55
_ACTOR_CHARS_MAX = 256
_KEY_CHARS_MAX = 256
_START_KEY_CHARS_MAX = 4_096
_STRATEGIES: tuple[str, ...] = get_args(IdempotencyStrategy)


def trace_of(header: Header) -> str | None:
    """The caller's W3C trace context, when it has the right shape."""
    found = header(_TRACE)
    return found if found is not None and len(found) == _TRACE_CHARS else None


def actor_of(header: Header, by: Principal) -> str:
    """Who asks, as the client or a proxy before us tells; Conductor has nothing of the kind.

    Behind the name of whoever was recognised it is whom they say they ask for: `shop/ann`.
    """
    found = header(ACTOR)
    if found is not None and len(found) > _ACTOR_CHARS_MAX:
        raise Refusal("INVALID", f"{ACTOR} is longer than {_ACTOR_CHARS_MAX} characters")
    known = by.name
    return f"{known}/{found}" if known and found else known or found or ""


def key_of(header: Header) -> str | None:
    """The client's own idempotency key, if it sent one."""
    key = header(IDEMPOTENCY_KEY)
    if key is not None and len(key) > _KEY_CHARS_MAX:
        raise Refusal("INVALID", f"{IDEMPOTENCY_KEY} is longer than {_KEY_CHARS_MAX} characters")
    return key or None


def start_key(header: Header, request: StartWorkflowRequest) -> tuple[str | None, str | None]:
    """The idempotency key of a start, and what it means when it was used before."""
    key = request.idempotency_key
    strategy: str | None = request.idempotency_strategy
    given = header(STRATEGY)
    if given is not None and given not in _STRATEGIES:
        raise Refusal("INVALID", f"{STRATEGY} is none of {', '.join(_STRATEGIES)}: {given}")
    if not key and header(START_KEY):
        key, strategy = header(START_KEY), given
    if not key:
        return key_of(header), given or "RETURN_EXISTING"
    if len(key) > _START_KEY_CHARS_MAX:
        message = f"idempotencyKey is longer than {_START_KEY_CHARS_MAX} characters"
        raise Refusal("INVALID", message)
    return key, strategy
