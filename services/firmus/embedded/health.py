"""Asking a gateway whether it is well, without an HTTP client library."""

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit

_WITHIN_S = 2.0


async def is_healthy(url: str, *, asks_certificate: bool = False) -> bool:
    """Whether GET /health at `url` answers 200 within two seconds; of a server that asks for a
    certificate, which we have none of, whether it speaks TLS with us.
    """
    try:
        async with asyncio.timeout(_WITHIN_S):
            if asks_certificate:
                return await _listens(url)
            return await _status(url) == 200
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _listens(url: str) -> bool:
    _, writer = await _connected(url)
    writer.transport.abort()
    return True


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """It is our own server that is asked, so its certificate proves nothing."""
    address = urlsplit(url)
    context = None
    if address.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection(address.hostname, address.port, ssl=context)


async def _status(url: str) -> int:
    address = urlsplit(url)
    reader, writer = await _connected(url)
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
