"""Whether a text is JavaScript, found by compiling it with QuickJS; nothing of it ever runs."""

import re

import quickjs  # type: ignore[import-untyped]  # ships no type information

_STOP = "firmus: parsed"
_BEFORE = f'throw "{_STOP}";'
_PLACE = re.compile(r"<input>:(\d+):(\d+)")
_MEMORY_MAX_BYTES = 64 * 1024 * 1024
_STACK_MAX_BYTES = 256 * 1024


def javascript_error(text: str) -> str | None:
    """What is wrong with the text as a script, in one line; None when it parses.

    The text stands behind a throw at the top level of one script: all of it is compiled before
    the throw runs, and nothing behind a throw is reached. (Inside a function's braces a text
    could close them and be executed.)
    """
    context = quickjs.Context()
    context.set_memory_limit(_MEMORY_MAX_BYTES)
    context.set_max_stack_size(_STACK_MAX_BYTES)
    try:
        context.eval(_BEFORE + text)
    except quickjs.JSException as problem:
        told = str(problem)
        words = told.split("\n", 1)[0]
        return None if words == _STOP else words + _where(told)
    return "unreadable"


def _where(told: str) -> str:
    """The place in the text itself, counted from 1."""
    place = _PLACE.search(told)
    if place is None:
        return ""
    line, column = int(place[1]), int(place[2])
    return f" at {line}:{column - len(_BEFORE) if line == 1 else column}"
