"""Identifiers: what a workflow id and a task id hold, and how one leads to the other.

An id is a version 8 UUID: 48 bits of milliseconds, 50 random bits, and a last ordinal of 24 bits
that is zero in a workflow's id and counts its task rows (over all generations) in theirs. So a
task id names its workflow, its shard and its epoch without any look-up.
"""

import hashlib
import re
import zlib

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ORDINAL_DIGITS = 6
ORDINAL_MAX = (1 << 24) - 1
RANDOM_BITS = 50


def mint_workflow_id(now_ms: int, random_bits: int) -> str:
    """The id of a workflow born at `now_ms`; of `random_bits` the low 50 bits count."""
    high = (random_bits >> 38) & 0xFFF
    low = random_bits & ((1 << 38) - 1)
    value = (now_ms & ((1 << 48) - 1)) << 80 | 8 << 76 | high << 64 | 2 << 62 | low << 24
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_workflow_id(now_ms: int, *parts: str) -> str:
    """An id that the same parts yield at the same time: for children and failure workflows."""
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return mint_workflow_id(now_ms, int.from_bytes(digest[:8], "big"))


def message_id(workflow_id: str, command_id: str) -> str:
    """The id of the message that a command brings: the same command, the same message."""
    digest = hashlib.sha256(f"message\x00{workflow_id}\x00{command_id}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def task_id(workflow_id: str, ordinal: int) -> str:
    """The id of the task row with that ordinal (1..2^24-1) of a workflow."""
    return f"{workflow_id[:-_ORDINAL_DIGITS]}{ordinal:06x}"


def workflow_of(identifier: str) -> str:
    """The workflow that a task id (or a workflow id) belongs to."""
    return identifier[:-_ORDINAL_DIGITS] + "000000"


def ordinal_of(identifier: str) -> int:
    """The ordinal of a task id; 0 for a workflow id."""
    return int(identifier[-_ORDINAL_DIGITS:], 16)


def born_ms(identifier: str) -> int:
    """When the workflow of this id was born, epoch milliseconds."""
    return int(identifier[:8] + identifier[9:13], 16)


def is_workflow_id(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None and text.endswith("000000")


def is_task_id(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None and not text.endswith("000000")


def shard_of(identifier: str, shards: int) -> int:
    """The shard of a workflow, the same for the ids of its tasks; fixed for the life of a log."""
    return zlib.crc32(identifier[:-_ORDINAL_DIGITS].encode()) % shards
