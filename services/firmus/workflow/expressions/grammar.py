"""Where the expressions stand in a text (spec 2.3): `${…}` with balanced braces, `$${` escaped."""

import re

_NESTED_MAX = 64
_SIGNS = re.compile(r"\$*\$\{|[{}]")

Body = tuple["str | Body", ...]
"""The parts of an expression's inside, or of a whole text: text as it stands, or (as a tuple) the
inside of an expression.
"""


def split(text: str) -> Body:
    """The parts of a text. What has no closing brace, or is escaped, is plain text; the escape
    `$${` is written `${` in it. Expressions nested deeper than 64 are plain text too.
    """
    return _split(text, 0, len(text), _expressions(text), 0)


def _expressions(text: str) -> dict[int, int]:
    """Where expressions start, and where each one's closing brace is."""
    open_at: list[int] = []
    ends: dict[int, int] = {}
    for sign in _SIGNS.finditer(text):
        if sign.group() != "}":
            single = sign.group() == "${"
            open_at.append(sign.start() if single else -1)
        elif open_at:
            start = open_at.pop()
            if start >= 0:
                ends[start] = sign.start()
    return ends


def _split(text: str, start: int, stop: int, ends: dict[int, int], depth: int) -> Body:
    parts: list[str | Body] = []
    plain_from = at = start
    while (at := text.find("${", at, stop)) >= 0:
        end = ends.get(at)
        if end is None or depth >= _NESTED_MAX:
            at += 2
            continue
        if at > plain_from:
            parts.append(_unescaped(text[plain_from:at]))
        parts.append(_split(text, at + 2, end, ends, depth + 1))
        plain_from = at = end + 1
    if plain_from < stop or not parts:
        parts.append(_unescaped(text[plain_from:stop]))
    return tuple(parts)


def _unescaped(text: str) -> str:
    return text.replace("$${", "${")
