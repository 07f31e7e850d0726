"""HTTP_POLL: one request, and whether another one is needed.

In `http_request`, beside what HTTP knows: `terminationCondition` (JavaScript; `$` holds `output`,
the task's output of this request, and `input`), `pollingInterval` (seconds, default 60) and
`pollingStrategy` (FIXED, LINEAR_BACKOFF, EXPONENTIAL_BACKOFF). A request that fails fails the
attempt; retries are the task definition's.
"""

from typing import Any

import msgspec

from firmus.ports import ScriptsPort
from firmus.systemworker.work import Executor, Outcome, Settings, Work, failed
from firmus.workflow.expressions import truthy
from firmus_contracts.statuses import ResultStatus

INTERVAL_S = 60
INTERVAL_MAX_S = 24 * 3600
STRATEGIES = ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF")


def pause_s(given: dict[str, Any], polls: int) -> int:
    """Seconds until the next request after the one with number `polls` (1 is the first).

    Raises ValueError, saying what cannot be used.
    """
    interval, strategy = given.get("pollingInterval"), given.get("pollingStrategy") or "FIXED"
    try:
        base = INTERVAL_S if interval in (None, "") else int(interval)
    except (TypeError, ValueError):
        raise ValueError(f"pollingInterval is no number of seconds: {interval!r}") from None
    if base < 1:
        raise ValueError(f"pollingInterval must be at least one second, not {interval!r}")
    match strategy:
        case "FIXED":
            pause = base
        case "LINEAR_BACKOFF":
            pause = base * polls
        case "EXPONENTIAL_BACKOFF":
            pause = base * 2 ** min(polls - 1, 32)
        case _:
            raise ValueError(f"pollingStrategy is none of {', '.join(STRATEGIES)}: {strategy!r}")
    return min(pause, INTERVAL_MAX_S)


class HttpPolls:
    """The Executor of HTTP_POLL, over the one of HTTP."""

    def __init__(self, http: Executor, scripts: ScriptsPort) -> None:
        self._http = http
        self._scripts = scripts

    async def execute(self, work: Work) -> Outcome:
        given = work.input_data.get("http_request", work.input_data)
        condition = given.get("terminationCondition") if isinstance(given, dict) else None
        if not isinstance(condition, str) or not condition.strip():
            return failed("HTTP_POLL needs a terminationCondition in its http_request")
        try:
            wait_s = pause_s(given, max(work.poll_count, 1))
        except ValueError as problem:
            return failed(str(problem))
        once = msgspec.structs.replace(work, workflow_task=Settings())
        outcome = await self._http.execute(once)
        if outcome.status is not ResultStatus.COMPLETED:
            return outcome
        scope = {"output": outcome.output, "input": work.input_data}
        result = await self._scripts.run("javascript", condition, scope)
        if result.error is not None:
            return failed(f"terminationCondition: {result.error}", outcome.output)
        if truthy(result.value):
            return outcome
        return Outcome(
            status=ResultStatus.IN_PROGRESS, output=outcome.output, callback_after_s=wait_s
        )

    async def close(self) -> None:
        """The connections are closed by the executor of HTTP."""
