"""Scripts and jq programs of a test, run by the engines of production in a loop of their own.

The loop has a thread, so that a test may play a workflow inside or outside of asyncio.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from firmus.decider.context import ScriptNeed
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.ports import ScriptResult

T = TypeVar("T")


class ScriptThread:
    """Started by the first script; `close` ends it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._javascript: QuickJsScripts | None = None
        self._jq: JqScripts | None = None
        self._evaluators: Evaluators | None = None

    def results(self, needs: Sequence[ScriptNeed]) -> dict[str, ScriptResult]:
        """What each script says, by its key."""
        if not needs:
            return {}
        return self._wait(self._loop or self._start(), self._results(needs))

    def close(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None:
            return
        if self._javascript is not None and self._jq is not None:
            self._javascript.close()
            self._wait(loop, self._jq.close())
        loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join()
        loop.close()

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="firmus-testing", daemon=True)
        self._thread.start()
        return loop

    async def _results(self, needs: Sequence[ScriptNeed]) -> dict[str, ScriptResult]:
        if self._evaluators is None:
            self._javascript, self._jq = QuickJsScripts(threads=2), JqScripts(processes=1)
            self._evaluators = Evaluators(self._javascript, self._jq)
        run = self._evaluators.run
        found = await asyncio.gather(
            *(run(need.evaluator, need.expression, need.scope) for need in needs)
        )
        return {need.key: result for need, result in zip(needs, found, strict=True)}

    def _wait(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()
