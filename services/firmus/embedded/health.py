"""Asking a gateway whether it is well, without an HTTP client library."""

import asyncio
import contextlib
from urllib.parse import urlsplit

_WITHIN_S = 2.0


async def is_healthy(url: str) -> bool:
    """Whether GET /health at `url` answers 200 within two seconds."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            return await _status(url) == 200
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _status(url: str) -> int:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(
            f"GET /health HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
