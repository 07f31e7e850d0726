"""Sends the requests of HTTP tasks, over connections that are kept (spec 3.6.19)."""

import asyncio
import contextlib

import aiohttp
import yarl

from firmus.systemworker.addresses import AddressRefused, public_socket
from firmus.systemworker.http_answer import HttpAnswer, failure, outcome_of
from firmus.systemworker.http_request import HttpRequest, Unusable, request_of
from firmus.systemworker.work import Outcome, Work, failed

BODY_MAX_BYTES = 4 * 1024 * 1024
ASKED_AGAIN = frozenset({429, 503})
AGAIN_AFTER_S = 1.0


class HttpTasks:
    """The Executor of HTTP. `public_only` keeps requests away from loopback and private addresses;
    `verify_tls` is for operators with certificates of their own; `env_proxy` obeys HTTP_PROXY.
    """

    def __init__(
        self, *, public_only: bool = False, verify_tls: bool = True, env_proxy: bool = False
    ) -> None:
        self._public_only = public_only
        self._verify_tls = verify_tls
        self._env_proxy = env_proxy
        self._session: aiohttp.ClientSession | None = None

    async def execute(self, work: Work) -> Outcome:
        try:
            request = request_of(work.input_data)
        except Unusable as problem:
            return failed(str(problem))
        try:
            answer = await self._asked(request)
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return failure(f"{request.method} request for {request.target}: {_told(problem)}")
        return outcome_of(work, request, answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _asked(self, request: HttpRequest) -> HttpAnswer:
        """A server that is too busy is asked once more."""
        answer = await self._send(request)
        if answer.status in ASKED_AGAIN:
            await asyncio.sleep(AGAIN_AFTER_S)
            answer = await self._send(request)
        return answer

    async def _send(self, request: HttpRequest) -> HttpAnswer:
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=request.connect_timeout_ms / 1000,
            sock_read=request.read_timeout_ms / 1000,
        )
        async with self._opened().request(
            request.method,
            yarl.URL(request.uri, encoded=True),
            headers=request.headers,
            data=request.body,
            timeout=timeout,
        ) as response:
            body = await _read(response)
            charset = response.charset or "utf-8"
            with contextlib.suppress(LookupError):
                text = body.decode(charset, "replace")
                return _answer(response, text)
            return _answer(response, body.decode("utf-8", "replace"))

    def _opened(self) -> aiohttp.ClientSession:
        """Cookies of one workflow's server are not for the next workflow's request."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                ssl=self._verify_tls,
                socket_factory=public_socket if self._public_only else None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._env_proxy,
                headers={"User-Agent": "firmus"},
                requote_redirect_url=False,
            )
        return self._session


def _answer(response: aiohttp.ClientResponse, text: str) -> HttpAnswer:
    return HttpAnswer(
        status=response.status,
        phrase=response.reason or "",
        headers=list(response.headers.items()),
        body=text,
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(1 << 16):
        size += len(part)
        if size > BODY_MAX_BYTES:
            raise ValueError(f"the answer is larger than {BODY_MAX_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _told(problem: Exception) -> str:
    """Why no answer came, without the address, whose path may hold secrets."""
    match problem:
        case aiohttp.ClientConnectorError(os_error=AddressRefused() as refused):
            return str(refused)
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return "Timed out waiting for the server"
        case aiohttp.TooManyRedirects():
            return "Too many redirects"
        case aiohttp.InvalidURL():
            return "The uri, or one that it redirects to, cannot be used"
        case aiohttp.ClientConnectorError():
            return f"Cannot connect: {problem.os_error.strerror or problem.os_error}"
    return str(problem) or type(problem).__name__
