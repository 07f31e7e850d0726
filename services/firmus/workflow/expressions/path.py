"""Compiled paths (spec 2.4).

Conductor reads paths with Jayway's dialect of JSONPath. A path of names and indexes, which nearly
all are, is a plain walk here; the rest goes through the steps of `steps.py`.
"""

from functools import lru_cache
from typing import Any

from firmus.workflow.expressions.parse import parse
from firmus.workflow.expressions.scope import MISSING, Assembled, Scope
from firmus.workflow.expressions.steps import Index, Key, Step, follow, is_definite

_COMPILED_MAX = 8192


class Path:
    """A path that can be looked up in any scope. One whose regular expression takes too long on
    some value finds nothing: the others' decisions would wait for it. One with a sum of no numbers
    is null, like all that fails (spec 2.4).

    `definite`: it finds one value at most; otherwise a list. `root` is its first name, None when
    it starts with something else (`..`, `*`). The document itself (`$`) has no steps.
    """

    __slots__ = ("_key", "_name", "_plain", "_steps", "definite", "root", "text")

    def __init__(self, text: str, steps: tuple[Step, ...]) -> None:
        self.text = text
        self.definite = is_definite(steps)
        first = steps[0] if steps else None
        second = steps[1] if len(steps) > 1 else None
        self._name = first.name if isinstance(first, Key) else ""
        self.root = self._name if isinstance(first, Key) else None
        self._key = second.name if isinstance(second, Key) and self.root is not None else None
        taken = (self.root is not None) + (self._key is not None)
        self._steps = steps[taken:]
        self._plain = _plain(self._steps)

    def find(self, scope: Scope) -> Any:
        """The value; None for a definite path that leads nowhere, [] for an indefinite one."""
        value, plain = self._start(scope), self._plain
        if type(value) is Assembled:
            if plain and type(plain[0]) is str:
                value, plain = value.get(plain[0]), plain[1:]
            else:
                value = value.whole()
        if plain is None:
            found = MISSING if value is MISSING else self._follow(value, scope)
            if found is MISSING:
                return None if self.definite else []
            return found
        for step in plain:
            if type(step) is str:
                if type(value) is not dict:
                    return None
                value = value.get(step)
            elif type(value) is list and -len(value) <= step < len(value):
                value = value[step]
            else:
                return None
        return None if value is MISSING else value

    def _follow(self, value: Any, scope: Scope) -> Any:
        try:
            return follow(self._steps, value, scope)
        except TimeoutError:
            return MISSING
        except ValueError:
            return None

    def _start(self, scope: Scope) -> Any:
        if self._key is not None:
            return scope.field(self._name, self._key)
        if self.root is not None:
            return scope.root(self.root)
        return scope.full()


@lru_cache(maxsize=_COMPILED_MAX)
def compile_path(text: str) -> Path:
    """The path of a text, leading `$.` optional. Raises ValueError when it does not compile."""
    try:
        return Path(text, parse(text))
    except RecursionError as error:
        raise ValueError("a path nested too deeply") from error


def compiles(text: str) -> bool:
    """Whether a text is a path."""
    try:
        compile_path(text)
    except ValueError:
        return False
    return True


def _plain(steps: tuple[Step, ...]) -> tuple[Any, ...] | None:
    """The steps as names and indexes; None when there are others."""
    plain: list[str | int] = []
    for step in steps:
        if isinstance(step, Key):
            plain.append(step.name)
        elif isinstance(step, Index):
            plain.append(step.at)
        else:
            return None
    return tuple(plain)
