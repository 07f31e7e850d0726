"""Whether a text is JavaScript, found by compiling it with QuickJS; nothing of it ever runs."""

import quickjs  # type: ignore[import-untyped]  # ships no type information

_STOP = "firmus: parsed"
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
        context.eval(f'throw "{_STOP}";{text}')
    except quickjs.JSException as problem:
        lines = str(problem).splitlines()
        return None if lines[:1] == [_STOP] else (lines[0] if lines else "unreadable")
    return "unreadable"
