"""What an HTTP task makes of an answer (spec 3.6.19)."""

from typing import Any

import pytest

from firmus.systemworker.http_answer import HttpAnswer, outcome_of, parsed
from firmus.systemworker.http_request import HttpRequest
from firmus.systemworker.work import Outcome, Settings, Work

REQUEST = HttpRequest(method="GET", uri="http://h/p?token=s", headers={})


def outcome(
    status: int, body: str = "", *, in_input: Any = None, in_definition: bool = False
) -> Outcome:
    work = Work(
        task_type="HTTP",
        task_id="t",
        workflow_instance_id="w",
        input_data={} if in_input is None else {"asyncComplete": in_input},
        workflow_task=Settings(async_complete=in_definition),
    )
    headers = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("X", "1")]
    answer = HttpAnswer(status=status, phrase="Said", headers=headers, body=body)
    return outcome_of(work, REQUEST, answer)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2.5]", [1, 2.5]),
        ("12", 12.0),
        ('"hello"', "hello"),
        ("true", "true"),
        ("null", "null"),
        ("<p>hi</p>", "<p>hi</p>"),
        ("", None),
    ],
)
def test_a_body_is_json_where_it_can_be(body: str, value: Any) -> None:
    assert parsed(body) == value
    assert type(parsed(body)) is type(value)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_completes_with_the_whole_answer(status: int) -> None:
    found = outcome(status, '{"ok": 1}')
    assert (found.status, found.reason) == ("COMPLETED", None)
    assert found.output["response"] == {
        "headers": {"Set-Cookie": ["a", "b"], "X": ["1"]},
        "reasonPhrase": "Said",
        "body": {"ok": 1},
        "statusCode": status,
    }


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_fails_with_text_in_place_of_the_answer(status: int) -> None:
    found = outcome(status, "the trouble")
    text = f'{status} Said on GET request for http://h: "the trouble"'
    assert found.status == "FAILED"
    assert found.output == {"response": text}
    assert found.reason == "Failed to invoke HTTP task due to: " + text


def test_a_redirect_that_cannot_be_followed_fails_with_the_answer() -> None:
    found = outcome(304)
    assert (found.status, found.reason) == ("FAILED", "No response from the remote service")
    assert found.output["response"]["statusCode"] == 304


@pytest.mark.parametrize(
    ("in_input", "in_definition", "status"),
    [
        (None, True, "IN_PROGRESS"),
        (None, False, "COMPLETED"),
        (True, False, "IN_PROGRESS"),
        (False, True, "COMPLETED"),
    ],
)
def test_async_complete_leaves_the_end_to_others(
    in_input: Any, in_definition: bool, status: str
) -> None:
    assert outcome(200, in_input=in_input, in_definition=in_definition).status == status
