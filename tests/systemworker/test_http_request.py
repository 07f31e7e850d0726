"""The request that an HTTP task's input describes (spec 3.6.19)."""

from typing import Any

import pytest

from firmus.systemworker.http_request import (
    NO_METHOD,
    NO_URI,
    TIMEOUT_MAX_MS,
    HttpRequest,
    Unusable,
    request_of,
)


def request(**fields: Any) -> HttpRequest:
    return request_of({"http_request": {"uri": "http://h/", "method": "GET", **fields}})


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://h/a?q=x%20y", "http://h/a?q=x%20y"),
        ("http://h/a b?q=x y", "http://h/a%20b?q=x%20y"),
        ("http://h/grüß", "http://h/gr%C3%BC%C3%9F"),
        ("http://h/a?x=1&y=2+3&z=a/b:c", "http://h/a?x=1&y=2+3&z=a/b:c"),
        ("http://h/{x}", "http://h/%7Bx%7D"),
        ("http://münchen.example/p", "http://xn--mnchen-3ya.example/p"),
        ("https://user:pw@h:8443/p#part", "https://user:pw@h:8443/p"),
    ],
)
def test_a_uri_is_sent_as_written_and_only_the_impossible_is_encoded(
    written: str, sent: str
) -> None:
    assert request(uri=written).uri == sent


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"http_request": {"method": "GET"}}, NO_URI),
        ({"http_request": {"uri": None, "method": "GET"}}, NO_URI),
        ({"http_request": {"uri": "http://h"}}, NO_METHOD),
        ({"http_request": "text"}, "http_request is not an object"),
        ({"uri": "http://h", "method": "WEIRD"}, "Invalid HTTP method: WEIRD"),
        ({"uri": "ftp://h", "method": "GET"}, "not an absolute http(s) one"),
        ({"uri": "/only/a/path", "method": "GET"}, "not an absolute http(s) one"),
        ({"uri": "http://h", "method": "GET", "headers": [1]}, "headers is not an object"),
        ({"uri": "http://h", "method": "GET", "headers": {"a": "x\r\nb: y"}}, "line break"),
        ({"uri": "http://h", "method": "GET", "readTimeOut": "soon"}, "readTimeOut"),
        ({"uri": "http://h", "method": "GET", "readTimeOut": -1}, "readTimeOut"),
    ],
)
def test_an_input_that_is_no_request_is_refused_by_name(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        request_of(given)
    assert reason in str(refused.value)


def test_keys_may_stand_at_the_top_of_the_input() -> None:
    found = request_of({"uri": "http://h/", "method": "put", "body": [1], "asyncComplete": False})
    assert (found.method, found.body) == ("PUT", b"[1]")


def test_headers_are_texts_and_nulls_are_left_out() -> None:
    found = request(headers={"X-N": 5, "X-B": True, "X-None": None, "accept": "text/csv"})
    assert found.headers == {
        "Content-Type": "application/json",
        "X-N": "5",
        "X-B": "true",
        "accept": "text/csv",
    }


def test_accept_may_be_a_list_and_an_own_content_type_wins() -> None:
    found = request(accept=["a/b", "c/d"], contentType="x/y", headers={"content-type": "own/one"})
    assert found.headers == {"Content-Type": "own/one", "Accept": "a/b, c/d"}


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"a": [1, None]}, "application/json", b'{"a":[1,null]}'),
        ("plain words", "text/plain", b"plain words"),
        ('{"a":1}', "application/json", b'{"a":1}'),
        (5, "application/json", b"5"),
        ({"a": "x y", "b": [1, 2]}, "application/x-www-form-urlencoded", b"a=x+y&b=1&b=2"),
        (None, "application/json", None),
    ],
)
def test_a_body_is_written_as_its_type_says(body: Any, content_type: str, sent: Any) -> None:
    assert request(body=body, contentType=content_type).body == sent


def test_timeouts_have_defaults_also_for_null_and_read_texts() -> None:
    found = request(connectionTimeOut=None, readTimeOut="800")
    assert (found.connect_timeout_ms, found.read_timeout_ms) == (3000, 800)


def test_a_timeout_of_0_is_none_but_the_longest() -> None:
    found = request(connectionTimeOut=0, readTimeOut="0")
    assert (found.connect_timeout_ms, found.read_timeout_ms) == (TIMEOUT_MAX_MS, TIMEOUT_MAX_MS)


def test_what_is_told_of_a_request_holds_no_path_query_or_password() -> None:
    found = request(uri="https://user:pw@h:8443/secret?token=abc")
    assert found.target == "https://h:8443"
