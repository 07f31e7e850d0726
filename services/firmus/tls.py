"""Certificates of the servers that clients of firmus talk to (REST, gRPC), and of those clients.

A pair of files that is replaced is taken for the connections to come, without a restart; one that
cannot be used is left alone, and said so.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

LOOK_S = 10.0
_NO_PASSWORD = ""
"""OpenSSL would ask the terminal for the password of an encrypted key."""

log = structlog.get_logger(__name__)


class TlsError(Exception):
    """Files that make no certificate; the message names them."""


class Identity(msgspec.Struct, frozen=True):
    """PEM files. `key` None: it stands in `cert`, after the certificates from the server's own up.
    `client_ca`: clients must have a certificate that one of these signed.
    """

    cert: str
    key: str | None = None
    client_ca: str | None = None

    def written_ns(self) -> tuple[int, ...]:
        """When the files were written; equal while they stay as they are."""
        files = (self.cert, self.key or self.cert)
        return tuple(Path(file).stat().st_mtime_ns for file in files)

    def pem(self) -> tuple[bytes, bytes, bytes | None]:
        """Key, certificates, those of clients' authorities. Raises TlsError."""
        server_context(self)
        authorities = None if self.client_ca is None else Path(self.client_ca).read_bytes()
        return Path(self.key or self.cert).read_bytes(), Path(self.cert).read_bytes(), authorities


def server_context(identity: Identity) -> ssl.SSLContext:
    """Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, identity)
    if identity.client_ca is not None:
        try:
            context.load_verify_locations(identity.client_ca)
        except (OSError, ssl.SSLError) as problem:
            why = f"no certificates of authorities in {identity.client_ca}: {problem}"
            raise TlsError(why) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Of the commands that call REST: FIRMUS_REST_CA signed the server's certificate (else one that
    the system trusts); FIRMUS_REST_CERT and FIRMUS_REST_KEY are our own. Raises TlsError.
    """
    authority = environ.get("FIRMUS_REST_CA") or None
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as problem:
        raise TlsError(f"no certificates of authorities in {authority}: {problem}") from None
    cert = environ.get("FIRMUS_REST_CERT")
    if cert:
        _load(context, Identity(cert, environ.get("FIRMUS_REST_KEY") or None))
    return context


class Renewal:
    """Keeps a server's context at what its files are."""

    def __init__(self, identity: Identity, context: ssl.SSLContext) -> None:
        self._identity = identity
        self._context = context
        self._written_ns = identity.written_ns()

    async def run(self) -> None:
        """Looks every ten seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> bool:
        """Whether there was another certificate, which new connections are shown now."""
        try:
            written_ns = self._identity.written_ns()
            if written_ns == self._written_ns:
                return False
            server_context(self._identity)
            _load(self._context, self._identity)
        except (OSError, TlsError) as problem:
            log.warning("the certificate stays as it was", why=str(problem))
            return False
        self._written_ns = written_ns
        log.info("another certificate", file=self._identity.cert)
        return True


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    try:
        context.load_cert_chain(identity.cert, identity.key, password=_NO_PASSWORD)
    except (OSError, ssl.SSLError) as problem:
        files = identity.cert if identity.key is None else f"{identity.cert} and {identity.key}"
        raise TlsError(f"no certificate with its key in {files}: {problem}") from None
