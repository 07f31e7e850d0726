"""Health, version and the rest of what operators ask for (spec 8.7)."""

from collections.abc import Sequence
from typing import Any

import prometheus_client

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, json_body
from firmus_contracts.access import Token, decode_token_request
from firmus_contracts.envelope import ENGINE_VERSION
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import EnvironmentVariable

_METRICS = prometheus_client.CONTENT_TYPE_LATEST


class Admin:
    """Handlers of the paths that are about this server."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._ports = ports

    async def health(self, _req: Request, resp: Response) -> None:
        """200 while nothing is wrong here, else 503 and what is. What is wrong elsewhere is among
        the suppressed results: no reason to take this server out of service.
        """
        troubles = list(self._ports.troubles())
        if troubles:
            resp.status = 503
        answers.json(
            resp,
            {
                "healthResults": _unhealthy(troubles),
                "suppressedHealthResults": _unhealthy(self._ports.elsewhere()),
                "healthy": not troubles,
            },
        )

    async def version(self, _req: Request, resp: Response) -> None:
        answers.plain(resp, ENGINE_VERSION)

    async def config(self, _req: Request, resp: Response) -> None:
        answers.json(resp, {"version": ENGINE_VERSION})

    async def metrics(self, _req: Request, resp: Response) -> None:
        resp.content_type = _METRICS
        resp.data = self._ports.metrics()

    async def token(self, req: Request, resp: Response) -> None:
        """A token for a key. SDKs take a 404 here as "no authentication" and go on without one."""
        guard = self._ports.guard
        if guard is None:
            raise Refusal("NOT_FOUND", "Security is off: this server needs no token")
        if req.method != "POST":
            raise Refusal("NOT_FOUND", "A token is asked for with POST, keyId and keySecret")
        asked = decode_token_request(await json_body(req))
        answers.json(resp, Token(await guard.token(asked.key_id, asked.key_secret)))

    async def environment(self, _req: Request, resp: Response) -> None:
        values = self._ports.environment
        answers.json(
            resp, [EnvironmentVariable(name=name, value=values[name]) for name in sorted(values)]
        )

    async def environment_value(self, _req: Request, resp: Response, key: str) -> None:
        """The value as text; no body when there is none."""
        value = self._ports.environment.get(key)
        if value is None:
            answers.empty(resp)
        else:
            answers.plain(resp, value)

    async def secrets(self, _req: Request, resp: Response) -> None:
        """Their names, never their values."""
        answers.json(resp, sorted(self._ports.secret_names()))

    async def secret_exists(self, _req: Request, resp: Response, key: str) -> None:
        answers.json(resp, key in self._ports.secret_names())

    async def no_completion_queues(self, _req: Request, resp: Response) -> None:
        """Sizes and addresses of the default completion queues: none are configured."""
        answers.json(resp, {})

    async def no_completion_queue(
        self, _req: Request, _resp: Response, status: str, **_target: str
    ) -> None:
        raise Refusal("INVALID", f"There is no queue for handling {status} status")


def _unhealthy(problems: Sequence[str]) -> list[dict[str, Any]]:
    return [{"healthy": False, "details": {"error": problem}} for problem in problems]
