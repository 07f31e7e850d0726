"""How a process reaches NATS and who it is there: addresses, credentials, certificates.

Replies come to subjects below `_INBOX.<user>`, so that a user may be kept from reading those of
others (`permissions`).
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from firmus_contracts.subjects import token

INBOX = "_INBOX"
_SECURE = frozenset({"tls", "wss"})


class AccessError(Exception):
    """Credentials or certificates that cannot be used; the message names the file."""


class Access(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`url`: one address or several, a comma between; `tls://` asks for TLS, as a certificate does.

    One of: `user` and `password` (also in the URL), `token`, `creds` (a file with a user's JWT and
    seed), `nkey` (a file with a seed). `ca`: who signs the server's certificate, if not one of the
    system's; `cert` and `key`: our own, where the server asks for one. `inbox`: the beginning of
    reply subjects, `_INBOX.<user>` unless told.
    """

    url: str
    user: str | None = None
    password: str | None = None
    token: str | None = None
    creds: str | None = None
    nkey: str | None = None
    inbox: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def servers(self) -> list[str]:
        """The addresses, without credentials that stand in them."""
        parts = [urlsplit(part) for part in self.url.split(",")]
        return [part._replace(netloc=part.netloc.rpartition("@")[2]).geturl() for part in parts]

    @property
    def inbox_prefix(self) -> str:
        if self.inbox:
            return self.inbox
        return f"{INBOX}.{token(self.user)}" if self.user else INBOX

    def options(self) -> dict[str, Any]:
        """What nats-py and those who wrap it take beside the servers. Raises AccessError."""
        given: dict[str, Any] = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "user_credentials": _readable(self.creds),
            "nkeys_seed": _readable(self.nkey),
            "tls": self._context(),
        }
        known = {name: value for name, value in given.items() if value is not None}
        return {"inbox_prefix": self.inbox_prefix, **known}

    def shown(self) -> str:
        """The addresses without the credentials that may stand in them."""
        return ",".join(urlsplit(part).netloc or "?" for part in self.servers)

    def _context(self) -> ssl.SSLContext | None:
        secure = any(urlsplit(part).scheme in _SECURE for part in self.servers)
        if not (secure or self.ca or self.cert):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as problem:
            raise AccessError(f"no certificates of authorities in {self.ca}: {problem}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key, password="")
            except (OSError, ssl.SSLError) as problem:
                files = self.cert if self.key is None else f"{self.cert} and {self.key}"
                raise AccessError(f"no certificate and key in {files}: {problem}") from None
        return context


Servers: TypeAlias = str | Access
"""Where NATS is: a URL, or with more to it."""

FIELDS = tuple(field for field in Access.__struct_fields__ if field != "url")
VARIABLES = {f"FIRMUS_NATS_{field.upper()}": field for field in FIELDS}
"""Everything but the address is a variable without a flag: everybody sees command lines."""


def access_to(servers: Servers) -> Access:
    """With what stands in the URL: a user and a password, percent-encoded, or a token alone."""
    access = servers if isinstance(servers, Access) else Access(url=servers)
    first = urlsplit(access.url.split(",")[0])
    if not first.username or access.user or access.token:
        return access
    name = unquote(first.username)
    if first.password is None:
        return msgspec.structs.replace(access, token=name)
    return msgspec.structs.replace(access, user=name, password=unquote(first.password))


def access_in(environ: Mapping[str, str], url: str) -> Access:
    """Access to an address with the credentials of the environment: FIRMUS_NATS_USER and so on."""
    given = {field: environ.get(variable) or None for variable, field in VARIABLES.items()}
    return access_to(Access(url=url, **given))


def variables_of(access: Access) -> dict[str, str]:
    """The variables from which another process reads the same credentials."""
    given = {variable: getattr(access, field) for variable, field in VARIABLES.items()}
    return {variable: value for variable, value in given.items() if value}


def _readable(path: str | None) -> str | None:
    if path is not None:
        try:
            with Path(path).open("rb"):
                pass
        except OSError as problem:
            raise AccessError(f"{path} cannot be read: {problem.strerror}") from None
    return path
