"""A small OIDC provider on loopback, with keys of its own."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def rsa_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


RSA, OTHER_RSA = rsa_key(), rsa_key()
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
_WRITERS = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def published(key: Any, kid: str, algorithm: str, **more: Any) -> dict[str, Any]:
    """A key as the provider shows it."""
    found = json.loads(_WRITERS[algorithm].to_jwk(key.public_key()))
    return {**found, "kid": kid, "use": "sig", "alg": algorithm, **more}


class Provider:
    """What it shows may be changed while it runs. `asked` counts fetches of its keys."""

    def __init__(self) -> None:
        self.issuer = ""
        self.keys = [published(RSA, "one", "RS256")]
        self.claimed: str | None = None
        self.down = False
        self.asked = 0

    def token(self, key: Any = RSA, algorithm: str = "RS256", **changed: Any) -> str:
        """Signed for now; `kid` and claims may be changed, None leaves one out."""
        now_s = int(changed.pop("now_s", time.time()))
        headers = {"kid": changed.pop("kid", "one")}
        given = {
            "iss": self.issuer,
            "aud": "firmus",
            "sub": "u-1",
            "iat": now_s,
            "exp": now_s + 300,
        }
        claims = {k: v for k, v in {**given, **changed}.items() if v is not None}
        return jwt.encode(
            claims, key, algorithm, headers={k: v for k, v in headers.items() if v is not None}
        )

    async def _configuration(self, _request: web.Request) -> web.Response:
        if self.down:
            raise web.HTTPServiceUnavailable
        shown = self.claimed or self.issuer
        return web.json_response({"issuer": shown, "jwks_uri": f"{self.issuer}/keys"})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": self.keys})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Provider"]:
        app = web.Application()
        app.router.add_get("/realm/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/realm/keys", self._keys)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.issuer = f"http://{host}:{port}/realm"
        try:
            yield self
        finally:
            await runner.cleanup()
