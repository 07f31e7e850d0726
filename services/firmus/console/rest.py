"""Conductor's REST API as the commands use it. The standard library suffices, and starts fast."""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from firmus.console.outcome import CommandError
from firmus.tls import TlsError, client_context

WITHIN_S = 30.0


class RestClient:
    """`url` is the server's, without `/api`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        if urllib.parse.urlsplit(self.url).scheme not in {"http", "https"}:
            raise CommandError(f"{url} is not an http address", exit_code=2)
        self._context = _context(self.url)

    def register_tasks(self, definitions: list[dict[str, Any]]) -> None:
        self._call("POST", "/api/metadata/taskdefs", definitions)

    def register_workflow(self, definition: dict[str, Any]) -> None:
        """Replaces the same version when it is there."""
        self._call("PUT", "/api/metadata/workflow", [definition])

    def start(self, request: dict[str, Any]) -> str:
        """Starts a workflow; the body is a StartWorkflowRequest. Its id."""
        return self._call("POST", "/api/workflow", request).decode()

    def workflow(self, workflow_id: str, *, tasks: bool = True) -> dict[str, Any]:
        name = urllib.parse.quote(workflow_id, safe="")
        asked = f"/api/workflow/{name}?includeTasks={str(tasks).lower()}"
        found: dict[str, Any] = json.loads(self._call("GET", asked))
        return found

    def health(self) -> dict[str, Any]:
        found: Any = json.loads(self._call("GET", "/health"))
        return found if isinstance(found, dict) else {}

    def _open(self, request: urllib.request.Request) -> Any:
        return urllib.request.urlopen(request, timeout=WITHIN_S, context=self._context)  # noqa: S310 - the scheme was checked

    def _call(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body. Raises CommandError with the server's own words."""
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **credentials(os.environ)},
        )
        try:
            with self._open(request) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise CommandError(_message(error)) from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", error)
            raise CommandError(
                f"no answer from {self.url}: {why} (is `firmus up` running?)"
            ) from None


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """The header of a key, from the variables that the official clients read it from."""
    key_id, secret = environ.get("CONDUCTOR_AUTH_KEY"), environ.get("CONDUCTOR_AUTH_SECRET")
    if not (key_id and secret):
        return {}
    pair = b64encode(f"{key_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _context(url: str) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    try:
        return client_context(os.environ)
    except TlsError as problem:
        raise CommandError(str(problem), exit_code=2) from None


def _message(error: urllib.error.HTTPError) -> str:
    with error:
        content = error.read()
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    said = body.get("message") if isinstance(body, dict) else content.decode(errors="replace")
    return f"{said or error.reason} (HTTP {error.code})"
