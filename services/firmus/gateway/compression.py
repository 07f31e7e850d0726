"""gzip both ways, apart from HTTP. Sizes in bytes.

What is large enough to hold up the loop is packed and unpacked in a thread; zlib lets the others
run meanwhile.
"""

import asyncio
import functools
import zlib
from typing import Final

GZIP: Final = frozenset({"gzip", "x-gzip"})
PLAIN: Final = frozenset({"", "identity"})
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
_FASTEST = 1
_IN_THREAD_BYTES = 64 * 1024


class TooLargeError(Exception):
    """What was packed is larger than is taken."""


class DamagedError(Exception):
    """The bytes are not gzip, or not all of it."""


@functools.lru_cache(maxsize=256)
def is_wanted(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip; a weight of 0 is a no."""
    weights = {}
    for part in accepted.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, weight = parameter.strip().partition("=")
        weights[coding.strip()] = weight.strip() if name.strip() == "q" else "1"
    given = [weights[name] for name in (*GZIP, "*") if name in weights]
    return bool(given) and any(digit in "123456789" for digit in given[0])


async def packed(data: bytes) -> bytes:
    if len(data) < _IN_THREAD_BYTES:
        return _pack(data)
    return await asyncio.to_thread(_pack, data)


async def unpacked(data: bytes, limit: int) -> bytes:
    """Never makes more than `limit` bytes. Raises TooLargeError, DamagedError."""
    if len(data) < _IN_THREAD_BYTES // 16:
        return unpack(data, limit)
    return await asyncio.to_thread(unpack, data, limit)


def unpack(data: bytes, limit: int) -> bytes:
    """The one member of a gzip file. Raises TooLargeError before it makes more, DamagedError."""
    member = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        whole = member.decompress(data, limit + 1)
    except zlib.error:
        raise DamagedError from None
    if len(whole) > limit:
        raise TooLargeError
    if not member.eof or member.unused_data:
        raise DamagedError
    return whole


def _pack(data: bytes) -> bytes:
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _WITH_GZIP_HEADER)
    return packer.compress(data) + packer.flush()
