"""Runs users' JavaScript off the loop, in QuickJS, within limits of time and memory (spec 2.9).

Every run has a context of its own: nothing leaks between workflows. `$` is a copy of the scope as
plain JavaScript objects, so `JSON.stringify($)` and the like work. The engine has no I/O to offer.

Numbers of JavaScript are doubles. An integer beyond 2^53 in `$` is therefore a Number object that
keeps its exact digits: handed on, compared with others of `$` or written into a template string it
is exact; in arithmetic it is a double. Its `typeof` is `object`, and `===` with a literal is false.
"""

import asyncio
import os
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import quickjs  # type: ignore[import-untyped]  # it ships no types

from firmus.decider import java_accessors
from firmus.ports import ScriptResult, Unavailable

EVALUATORS = frozenset({"javascript", "graaljs"})

_LARGE = re.compile(rb"\d{16}")
_ENGINE_CASE = re.compile(r"(\w*Error: )cannot ")
_INTERRUPTED = "InternalError: interrupted"

_RUNNER = r"""
(function () {
  'use strict';
  const global = globalThis, evaluate = eval, parse = JSON.parse, quote = JSON.stringify;
  const rawJSON = JSON.rawJSON, isArray = Array.isArray, keys = Object.keys, is = Object.is;
  const {isInteger, isSafeInteger} = Number, isView = ArrayBuffer.isView, asText = String;
  const bound = (method) => Function.prototype.call.bind(method);
  const wellFormed = bound(String.prototype.toWellFormed), match = bound(RegExp.prototype.exec);
  const kindOf = bound(Object.prototype.toString);
  const errorText = bound(Error.prototype.toString), ErrorClass = Error;
  const join = bound(Array.prototype.join), parts = [];
  let writing = false;
  const write = (part) => { parts[parts.length] = part; };
  const exact = new Map(), known = bound(Map.prototype.get);

  function number(value) {
    if (value !== value || value === Infinity || value === -Infinity) return quote(asText(value));
    if (is(value, -0)) return '-0.0';
    const digits = asText(value);
    if (!isInteger(value) || isSafeInteger(value)) return digits;
    return match(/[e.]/, digits) ? digits : digits + '.0';
  }

  function members(value, above) {
    let comma = '{';
    for (const key of keys(value)) {
      write(comma + quote(wellFormed(key)) + ':');
      json(value[key], above);
      comma = ',';
    }
    write(comma === '{' ? '{}' : '}');
  }

  function elements(value, above) {
    write('[');
    for (let i = 0; i < value.length; i++) {
      if (i > 0) write(',');
      json(value[i], above);
    }
    write(']');
  }

  function container(value, outer) {
    const digits = known(exact, value);
    if (digits !== undefined) return write(digits);
    for (let above = outer; above; above = above.outer) {
      if (above.value === value) throw new TypeError('the result contains itself');
    }
    const above = {value, outer};
    if (isArray(value)) return elements(value, above);
    switch (kindOf(value)) {
      case '[object Number]': return write(number(+value));
      case '[object String]': return json(asText(value), above);
      case '[object Boolean]': return json(value.valueOf(), above);
      case '[object DataView]': return write('{}');
    }
    return isView(value) ? elements(value, above) : members(value, above);
  }

  function json(value, above) {
    switch (typeof value) {
      case 'string': return write(quote(wellFormed(value)));
      case 'number': return write(number(value));
      case 'boolean': case 'bigint': return write(asText(value));
      case 'undefined': return write('null');
      case 'symbol': return write('{}');
      default: return value === null ? write('null') : container(value, above);
    }
  }

  function fault(error) {
    let text = 'the thrown value has no text', line = null;
    try {
      text = asText(error instanceof ErrorClass ? errorText(error) : error);
      if (error === null) text = 'null, or out of memory';
      const place = writing ? null : match(/<input>:(\d+)/, asText(error.stack));
      if (place) line = +place[1];
    } catch {}
    return join(['!', quote([wellFormed(text), line])], '');
  }

  Object.defineProperty(InternalError.prototype, 'toString', {value: Error.prototype.toString});
  Object.freeze(InternalError.prototype);

  return function (code, scope, large) {
    try {
      global.$ = large ? parse(scope, evaluate(large)(exact)) : parse(scope);
      const result = evaluate(code);
      writing = true;
      json(result, null);
      return join(parts, '');
    } catch (error) {
      return fault(error);
    }
  };
})()
"""

_LARGE_INTEGERS = r"""
(function (exact) {
  'use strict';
  const {isInteger, isSafeInteger} = Number;
  const Large = Object.create(Number.prototype, {
    toString: {value(base) {
      return base === undefined || base === 10 ? exact.get(this) : this.valueOf().toString(base);
    }},
    toJSON: {value() { return JSON.rawJSON(exact.get(this)); }},
    [Symbol.toPrimitive]: {value(hint) {
      return hint === 'string' ? exact.get(this) : this.valueOf();
    }},
  });

  function large(digits) {
    let integer = exact.get(digits);
    if (integer === undefined) {
      integer = Object.setPrototypeOf(new Number(digits), Large);
      exact.set(digits, integer);
      exact.set(integer, digits);
    }
    return integer;
  }

  return function (_key, value, {source}) {
    const unsafe = typeof value === 'number' && isInteger(value) && !isSafeInteger(value);
    return unsafe && /^-?\d+$/.test(source) ? large(source) : value;
  };
})
"""
"""The reviver of a scope that holds large integers: equal ones become one and the same object."""


class QuickJsScripts:
    """The ScriptsPort over a pool of threads (QuickJS releases the interpreter's lock).

    `time_limit_s` is what a caller waits for a script that runs; `memory_limit` is in bytes, per
    run. More than `waiting_max` scripts at once are refused with Unavailable, not piled up.
    """

    def __init__(
        self,
        *,
        time_limit_s: float = 4.0,
        memory_limit: int = 64 << 20,
        threads: int = 8,
        waiting_max: int = 1024,
    ) -> None:
        self._time_limit_s = time_limit_s
        self._memory_limit = memory_limit
        self._waiting_max = waiting_max
        self._under_way = 0
        # The engine measures processor time of the whole process, so the other threads count too.
        self._cpu_limit_s = time_limit_s * min(threads + 1, os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="script")

    async def run(self, evaluator: str, expression: str, scope: Mapping[str, Any]) -> ScriptResult:
        """The value of the script's last expression, or why there is none."""
        if evaluator not in EVALUATORS:
            return ScriptResult(error=f"No evaluator registered for type: {evaluator}")
        if self._under_way >= self._waiting_max:
            raise Unavailable("too many scripts are waiting to be run")
        run = _Run(expression, scope, self._memory_limit, self._cpu_limit_s)
        self._under_way += 1
        loop = asyncio.get_running_loop()
        ended = loop.run_in_executor(self._pool, run.run)
        ended.add_done_callback(self._ended)
        return await self._within_limit(run, ended)

    def close(self) -> None:
        """Runs no more scripts; those under way end within their limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, ended: "asyncio.Future[ScriptResult | None]") -> None:
        self._under_way -= 1
        if not ended.cancelled():
            ended.exception()

    async def _within_limit(
        self, run: "_Run", ended: "asyncio.Future[ScriptResult | None]"
    ) -> ScriptResult:
        remaining = self._time_limit_s
        while remaining > 0:
            done, _ = await asyncio.wait({ended}, timeout=remaining)
            if done:
                return ended.result() or self._too_slow()
            remaining = run.remaining_s(self._time_limit_s)
        return self._too_slow()

    def _too_slow(self) -> ScriptResult:
        text = f"Script not evaluated within {self._time_limit_s:g} seconds, interrupted."
        return ScriptResult(error=text, timed_out=True)


class _Run:
    """One script on its way through the pool."""

    def __init__(
        self, code: str, scope: Mapping[str, Any], memory_limit: int, cpu_limit_s: float
    ) -> None:
        self._code = code
        self._scope = scope
        self._memory_limit = memory_limit
        self._cpu_limit_s = cpu_limit_s
        self._started_s: float | None = None

    def remaining_s(self, limit_s: float) -> float:
        """What is left of the limit, which counts from the moment the script begins to run."""
        if self._started_s is None:
            return limit_s
        return limit_s - (time.monotonic() - self._started_s)

    def run(self) -> ScriptResult | None:
        """The result; None when the engine's limit cut it."""
        self._started_s = time.monotonic()
        scope = msgspec.json.encode(self._scope)
        large = _LARGE_INTEGERS if _LARGE.search(scope) else ""
        context = quickjs.Context()
        context.set_memory_limit(self._memory_limit)
        context.set_time_limit(self._cpu_limit_s)
        try:
            run = context.eval(_RUNNER)
            if java_accessors.wanted_by(self._code):
                context.eval(java_accessors.METHODS)
            text = run(self._code, scope.decode(), large)
        except quickjs.JSException as error:
            if str(error).startswith(_INTERRUPTED):
                return None
            return _failed(str(error).partition("\n")[0], None)
        if text.startswith("!"):
            return _failed(*msgspec.json.decode(text[1:]))
        try:
            return ScriptResult(value=msgspec.json.decode(text))
        except (msgspec.DecodeError, RecursionError) as error:
            return _failed(f"a result that cannot be handed on: {error}", None)


def _failed(message: str, line: int | None) -> ScriptResult:
    readable = _ENGINE_CASE.sub(r"\1Cannot ", message, count=1)
    place = "" if line is None else f" at line {line}"
    return ScriptResult(error=f"Error evaluating the script `{readable}`{place}")
