"""What went wrong becomes a status and Conductor's error body: one table."""

import falcon
import msgspec
import pytest
from structlog.testing import capture_logs

from firmus.edge.asking import refusal
from firmus.gateway.problems import problem
from firmus.ports import Unavailable
from firmus_contracts.commands import Rejected
from firmus_contracts.errors import ERRORS, Refusal, ValidationError
from tests.gateway.client import Api
from tests.gateway.ports import World

FAULT = ValidationError(path="name", message="is missing")


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable", "message"),
    [
        *(
            (Refusal(code, "why"), known.status, code, known.retryable, "why")
            for code, known in ERRORS.items()
        ),
        (refusal(Rejected(code="CONFLICT", message="why")), 409, "CONFLICT", False, "why"),
        (Refusal("NOT_IN_THE_TABLE", "why"), 500, "NOT_IN_THE_TABLE", False, "why"),
        (Unavailable("late"), 503, "UNAVAILABLE", True, "late"),
        (Unavailable(), 503, "UNAVAILABLE", True, "The service did not answer in time"),
        (falcon.HTTPNotFound(), 404, "NOT_FOUND", False, "No such path: /p"),
        (
            falcon.HTTPMethodNotAllowed(["GET"]),
            405,
            "METHOD_NOT_ALLOWED",
            False,
            "Request method 'PATCH' is not supported",
        ),
        (falcon.HTTPBadRequest(description="odd"), 400, "INVALID", False, "odd"),
        (
            msgspec.DecodeError("odd"),
            400,
            "INVALID",
            False,
            "The request cannot be read: odd",
        ),
    ],
)
def test_every_error_has_its_status_and_body(error, status, code, retryable, message):
    body = problem(error, method="PATCH", path="/p")

    assert body is not None
    assert (status, code, retryable, message) == (
        body.status,
        body.code,
        body.retryable,
        body.message,
    )


def test_validation_errors_of_a_refusal_and_of_a_rejection_are_in_the_body():
    details = msgspec.Raw(msgspec.json.encode([FAULT]))
    rejected = refusal(Rejected(code="INVALID", message="why", details=details))

    for error in (Refusal("INVALID", "why", (FAULT,)), rejected):
        body = problem(error, method="POST", path="/p")
        assert body is not None
        assert body.validation_errors == (FAULT,)


def test_what_nobody_foresaw_has_no_body():
    assert problem(RuntimeError("boom"), method="GET", path="/p") is None


async def test_what_nobody_foresaw_is_a_logged_500_that_does_not_tell_its_text(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
):
    async def boom(workflow_id: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(world.door, "read", boom)
    with capture_logs() as logged:
        answer = await api.get("/workflow/01890000-0000-8000-8000-000000000000")

    assert (
        answer.status,
        answer.body["retryable"],
        answer.body["instance"],
    ) == (500, False, "here")
    assert "a secret" not in answer.body["message"]
    assert [line["event"] for line in logged] == ["request_failed"]


async def test_a_decider_that_does_not_answer_is_a_retryable_503(api: Api, world: World):
    await api.register("w", "a")
    world.door.shut = True

    answer = await api.post("/workflow/w", {})

    assert (answer.status, answer.body["retryable"]) == (503, True)


async def test_a_start_whose_answer_was_lost_is_found_in_the_log(api: Api, world: World):
    await api.register("w", "a")
    world.door.loses_answers = True

    answer = await api.post("/workflow/w", {})

    assert answer.status == 200
    assert (await api.get(f"/workflow/{answer.body}")).body["status"] == "RUNNING"
