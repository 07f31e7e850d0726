"""Runs users' jq programs in child processes, within limits of time and memory (spec 3.6.13).

The jq library holds the interpreter's lock while a program runs and offers no limits, and jq can
read the environment (`env`) and files (`import`). So programs run in processes of their own, with
an empty environment; one that takes too long or too much loses its process, nobody else does.
"""

import asyncio
import contextlib
import re
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from firmus.ports import ScriptResult, ScriptsPort, Unavailable

RUNNER = Path(__file__).with_name("jq_runner.py")
_SIZE = struct.Struct(">I")
_READS_FILES = re.compile(r"(?:\s|#[^\r\n]*)*(?:import|include|module)\b")
"""Directives stand before all else in a program."""


class _Crashed(Exception):
    """The process ended in the middle of a program."""


class _Process:
    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def start(cls, memory_limit: int) -> "_Process":
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(RUNNER), str(memory_limit)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        return cls(child)

    async def ask(self, request: bytes) -> bytes:
        """Raises _Crashed when the process does not live to answer."""
        stdin, stdout = self._child.stdin, self._child.stdout
        if stdin is None or stdout is None:
            raise _Crashed
        try:
            stdin.write(_SIZE.pack(len(request)) + request)
            await stdin.drain()
            size = _SIZE.unpack(await stdout.readexactly(_SIZE.size))[0]
            return await stdout.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as problem:
            raise _Crashed from problem

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()
        await self._child.wait()


class JqScripts:
    """The ScriptsPort for the evaluator `jq`; the value of a result is the list of all results.

    Processes are started when they are first needed. `time_limit_s` counts from the moment a
    program runs, `memory_limit` is a process's address space in bytes. More than `waiting_max`
    programs at once are refused with Unavailable.
    """

    def __init__(
        self,
        *,
        time_limit_s: float = 4.0,
        memory_limit: int = 512 << 20,
        processes: int = 4,
        waiting_max: int = 1024,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._memory_limit = memory_limit
        self._waiting_max = waiting_max
        self._under_way = 0
        self._free = asyncio.Semaphore(processes)
        self._idle: list[_Process] = []
        self._closed = False

    async def run(self, evaluator: str, expression: str, scope: Mapping[str, Any]) -> ScriptResult:
        if evaluator != "jq":
            return ScriptResult(error=f"No evaluator registered for type: {evaluator}")
        if _READS_FILES.match(expression):
            return ScriptResult(error="a jq program cannot load modules here")
        if self._under_way >= self._waiting_max:
            raise Unavailable("too many jq programs are waiting to be run")
        self._under_way += 1
        try:
            async with self._free:
                return await self._run(expression, scope)
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        self._closed = True
        for process in self._idle:
            await process.stop()
        self._idle.clear()

    async def _run(self, expression: str, scope: Mapping[str, Any]) -> ScriptResult:
        request = msgspec.json.encode((expression, msgspec.json.encode(scope).decode()))
        process = self._idle.pop() if self._idle else await _Process.start(self._memory_limit)
        kept = False
        try:
            async with asyncio.timeout(self._time_limit_s):
                results, error = msgspec.json.decode(await process.ask(request))
            kept = not self._closed
        except TimeoutError:
            text = f"jq program not evaluated within {self._time_limit_s:g} seconds, interrupted."
            return ScriptResult(error=text, timed_out=True)
        except _Crashed:
            return ScriptResult(error="the jq program took too much memory, or broke jq")
        finally:
            if kept:
                self._idle.append(process)
            else:
                await process.stop()
        return ScriptResult(value=results, error=error)


class Evaluators:
    """The ScriptsPort that leaves each script to the one who knows its language."""

    def __init__(self, javascript: ScriptsPort, jq: ScriptsPort) -> None:
        self._javascript = javascript
        self._jq = jq

    async def run(self, evaluator: str, expression: str, scope: Mapping[str, Any]) -> ScriptResult:
        scripts = self._jq if evaluator == "jq" else self._javascript
        return await scripts.run(evaluator, expression, scope)
