"""Keeps what stands in a connection's URL out of the messages of its database."""

import re
from urllib.parse import quote, quote_plus

from sqlalchemy import URL

HIDDEN = "***"
_SECRET = re.compile(r"(?i)pass|pwd|secret|token|key|user|uid")


class Hiding:
    """`raw` is the URL as it was given."""

    def __init__(self, raw: str, url: URL) -> None:
        secrets = {raw, url.render_as_string(hide_password=False), url.render_as_string()}
        for password in (url.password, *_given_in_query(url)):
            if password:
                secrets |= {password, quote(password, safe=""), quote_plus(password)}
        self._secrets = _any_of(secrets)
        names = {name for name in (url.username, url.host, url.database) if name}
        self._names = re.compile(rf"(?<!\w){_any_of(names)}(?!\w)") if names else None
        user = re.escape(url.username or "")
        self._user = (
            re.compile(rf"(?i)\b(user|role|login)(\s+[\"'`]?){user}(?!\w)") if user else None
        )

    def hide(self, message: str, *, connecting: bool) -> str:
        """`connecting`: hosts, users and databases count too; in a statement's error they may be
        names of tables. There the user is hidden where it is called one.
        """
        message = re.sub(self._secrets, HIDDEN, message)
        if connecting and self._names:
            return self._names.sub(HIDDEN, message)
        return self._user.sub(rf"\1\2{HIDDEN}", message) if self._user else message


def _any_of(texts: set[str]) -> str:
    """The longest first, for it may hold the others."""
    return f"(?:{'|'.join(map(re.escape, sorted(texts, key=len, reverse=True)))})"


def _given_in_query(url: URL) -> list[str]:
    """Secrets of `?password=x`, and of `?odbc_connect=UID=x;PWD=y`."""
    found = []
    for key, values in url.normalized_query.items():
        for value in values:
            for piece in value.split(";"):
                name, sign, inner = piece.partition("=")
                if sign and _SECRET.search(name):
                    found.append(inner)
            if _SECRET.search(key):
                found.append(value)
    return found
