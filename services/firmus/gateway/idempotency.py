"""Which workflow a start with an idempotency key means (spec 4.13).

The key is claimed before the start is sent. A crash in between leaves a key that leads to a
workflow which does not exist; the next start with that key finds it so and starts it.
"""

import msgspec

from firmus.gateway.ports import KeysPort
from firmus.ports import DeciderPort
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.errors import Refusal


class Claim(msgspec.Struct, frozen=True):
    """The id to answer with, and whether its start has still to be sent."""

    workflow_id: str
    start: bool


async def claim(
    keys: KeysPort,
    decider: DeciderPort,
    *,
    name: str,
    key: str,
    strategy: IdempotencyStrategy,
    fresh_id: str,
) -> Claim:
    """Raises Refusal CONFLICT when the key is taken and the strategy does not allow that."""
    held = await keys.claim(name, key, fresh_id)
    if held == fresh_id:
        return Claim(fresh_id, start=True)
    state = await decider.read(held)
    if state is None:
        return Claim(held, start=True)
    if strategy == "RETURN_EXISTING":
        return Claim(held, start=False)
    if (
        strategy == "FAIL_ON_RUNNING"
        and state.status.terminal
        and await keys.replace(name, key, held=held, workflow_id=fresh_id)
    ):
        return Claim(fresh_id, start=True)
    raise Refusal(
        "CONFLICT",
        f"Idempotency key '{key}' of {name} is taken by workflow {held} ({state.status})",
    )
