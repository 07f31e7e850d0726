"""Claim checks: large values of a command go through the blob store, not through its message.

A broker takes messages of a limited size (`max_payload`). The log keeps large values under the
same hashes, so that the value of a command is usually stored once for both.
"""

from typing import Any

import msgspec

from firmus.eventlog.port import BlobStore
from firmus_contracts.commands import Command

MESSAGE_MAX_BYTES = 256 * 1024
"""Commands above this leave their values at the counter."""
FIELDS = ("input", "output", "payload", "variables", "outputs", "task_input", "workflow_input")

_encode = msgspec.json.encode
_decode_value = msgspec.json.Decoder(dict[str, Any]).decode


async def checked_in(command: Command, blobs: BlobStore) -> Command:
    """The command with its values replaced by the hashes under which they are stored."""
    claims: dict[str, str] = {}
    emptied: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(command, field, None)
        if value:
            claims[field] = await blobs.put(_encode(value))
            emptied[field] = {}
    return msgspec.structs.replace(command, **emptied, claims=claims) if claims else command


async def checked_out(command: Command, blobs: BlobStore) -> Command:
    """The command as it was. Raises KeyError or ValueError when a value is missing or damaged."""
    values = {
        field: _decode_value(await blobs.get(digest)) for field, digest in command.claims.items()
    }
    return msgspec.structs.replace(command, **values, claims={})
