"""What an HTTP task makes of an answer (spec 3.6.19). Pure."""

from typing import Any

import msgspec

from firmus.systemworker.http_request import HttpRequest
from firmus.systemworker.work import Outcome, Work, done, failed

FAILED = "Failed to invoke HTTP task due to: "
NO_ANSWER = "No response from the remote service"


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer, after redirects; `body` is decoded text."""

    status: int
    phrase: str
    headers: list[tuple[str, str]]
    body: str


def outcome_of(work: Work, request: HttpRequest, answer: HttpAnswer) -> Outcome:
    """2xx is done; from 400 on the output is the failure as text, below it is the answer."""
    if answer.status >= 400:
        text = answer.body or "[no body]"
        said = f"{answer.status} {answer.phrase} on {request.method} request for {request.target}"
        return failure(f'{said}: "{text}"')
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    response = {
        "headers": headers,
        "reasonPhrase": answer.phrase,
        "body": parsed(answer.body),
        "statusCode": answer.status,
    }
    if 200 <= answer.status < 300:
        return done(work, {"response": response})
    return failed(answer.body or NO_ANSWER, {"response": response})


def failure(text: str) -> Outcome:
    """No usable answer came: why stands in the reason and in the output."""
    return failed(FAILED + text, {"response": text})


def parsed(body: str) -> Any:
    """Objects and lists as they are, a number as a floating one, any other scalar as its text,
    and what is no JSON as it stands.
    """
    if not body:
        return None
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return body
    if isinstance(value, bool) or value is None:
        return msgspec.json.encode(value).decode()
    return float(value) if isinstance(value, int) else value
