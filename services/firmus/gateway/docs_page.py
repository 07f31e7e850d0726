"""A page for people at `/docs`: every path of the API with what its handler says of itself.

Made from the table of routes, so that it cannot say anything that the server does not do.
"""

from collections.abc import Iterable
from html import escape
from inspect import getdoc
from typing import Any

from firmus.gateway.unsupported import FAMILIES
from firmus_contracts.envelope import ENGINE_VERSION

_HEAD = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>firmus API</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem }}
table {{ border-collapse: collapse; width: 100% }}
td {{ border-top: 1px solid #ddd; padding: .3rem .6rem .3rem 0; vertical-align: top }}
code {{ white-space: nowrap }} .later {{ color: #888 }}
</style></head><body><h1>firmus {ENGINE_VERSION}</h1>
<p>Conductor's REST API on an event-sourced engine. The public events and the start events over NATS
are in the AsyncAPI document: <code>firmus asyncapi</code>.</p>
"""


def page(routes: Iterable[tuple[str, str, Any]], not_yet: Any) -> str:
    """HTML of (method, path, handler) rows; those with the handler `not_yet` come last, greyed."""
    rows = sorted(routes, key=lambda row: (row[2] is not_yet, row[1], row[0]))
    lines = [_line(method, path, handler, not_yet) for method, path, handler in rows]
    lines += [_absent(beginning, reason) for beginning, reason in FAMILIES.items()]
    return f"{_HEAD}<table>{''.join(lines)}</table></body></html>"


def _line(method: str, path: str, handler: Any, not_yet: Any) -> str:
    later = handler is not_yet
    said = (getdoc(handler) or "").split("\n\n", 1)[0]
    about = "not offered yet: answers 501" if later else said.replace("\n", " ")
    return (
        f"<tr{' class=later' if later else ''}><td>{escape(method)}</td>"
        f"<td><code>{escape(path)}</code></td><td>{escape(about)}</td></tr>"
    )


def _absent(beginning: str, reason: str) -> str:
    return (
        f"<tr class=later><td>any</td><td><code>{escape(beginning)}/…</code></td>"
        f"<td>not offered: answers 501; {escape(reason)}</td></tr>"
    )
