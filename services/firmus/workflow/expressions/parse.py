"""From the text of a path to its steps (spec 2.4): Jayway's grammar, in one pass."""

import json
import re
from typing import Any, NoReturn

from firmus.workflow.expressions import filters
from firmus.workflow.expressions.functions import FUNCTIONS
from firmus.workflow.expressions.scope import MISSING, Scope
from firmus.workflow.expressions.steps import (
    Argument,
    Call,
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Predicate,
    Scan,
    Slice,
    Step,
    Wildcard,
    follow,
    is_definite,
)

_SPACE = " \t\r\n"
_PLACES = re.compile(r"\s*-?\d{1,9}\s*(,\s*-?\d{1,9}\s*)*")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z]+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_AFTER_OPERAND = " \t\r\n=!<>~&|,)]"
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a whole path; a leading `$` or `$.` may be left out, blanks may follow. Raises
    ValueError.
    """
    text = text.rstrip()
    reader = _Reader(text if text.startswith("$") else f"$.{text}")
    reader.take("$")
    if reader.here not in {"", ".", "["}:
        reader.fail("expected '.' or '['")
    return reader.steps("")


class _Cursor:
    """A place in the text, and what may come next there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def here(self) -> str:
        return self.text[self.at : self.at + 1]

    def fail(self, problem: str) -> NoReturn:
        raise ValueError(f"path {self.text!r}: {problem} at position {self.at}")

    def skip_space(self) -> None:
        while self.here and self.here in _SPACE:
            self.at += 1

    def found(self, sign: str) -> bool:
        """Steps over `sign` if it comes next."""
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def take(self, sign: str) -> None:
        if not self.found(sign):
            self.fail(f"expected {sign!r}")

    def matched(self, form: "re.Pattern[str]") -> str | None:
        hit = form.match(self.text, self.at)
        if hit is None:
            return None
        self.at = hit.end()
        return hit.group()


class _Reader(_Cursor):
    """Reads the grammar, one method for each of its rules."""

    def steps(self, stop: str) -> tuple[Step, ...]:
        """Steps up to the end or to a character of `stop`."""
        steps: list[Step] = []
        while self.here and self.here not in stop:
            if self.found(".."):
                steps.append(Scan(self._step(stop)))
            elif self.found("."):
                if not self.here or self.here == ".":
                    self.fail("a path must not end in '.'")
                steps.append(self._step(stop))
            else:
                steps.append(self._step(stop))
        for place, step in enumerate(steps):
            if isinstance(step, Call):
                del steps[place + 1 :]
                break
        if steps and isinstance(steps[-1], Keys):
            steps[-1] = Keys(steps[-1].names, last=True)
        return tuple(steps)

    def _step(self, stop: str) -> Step:
        if self.here == "[":
            return self._bracket()
        if self.found("*"):
            return Wildcard()
        start = self.at
        while self.here and self.here not in ".[(" and self.here not in stop:
            if self.here in _SPACE:
                self.fail("a blank in a name; write ['my name']")
            self.at += 1
        name = self.text[start : self.at]
        if not name:
            self.fail("expected a name")
        return self._call(name) if self.found("(") else Key(name)

    def _call(self, name: str) -> Step:
        function = FUNCTIONS.get(name)
        if function is None:
            self.fail(f"no function {name!r}")
        arguments: list[Argument] = []
        self.skip_space()
        while not self.found(")"):
            if arguments:
                self.take(",")
            arguments.append(self._operand()[0])
            self.skip_space()
        return Call(function, tuple(arguments))

    def _bracket(self) -> Step:
        self.take("[")
        self.skip_space()
        if self.here and self.here in "'\"":
            return self._keys()
        if self.found("?"):
            step: Step = Filter(self._filter())
        elif self.found("*"):
            step = Wildcard()
        else:
            step = self._places()
        self.skip_space()
        self.take("]")
        return step

    def _places(self) -> Step:
        end = self.text.find("]", self.at)
        body = self.text[self.at : end] if end >= 0 else ""
        span = _SLICE.fullmatch(body)
        if span is not None and (span[1] or span[2]):
            self.at = end
            return Slice(int(span[1]) if span[1] else None, int(span[2]) if span[2] else None)
        if _PLACES.fullmatch(body) is None:
            self.fail("expected a name in quotes, an index, a slice, '*' or a filter")
        self.at = end
        places = tuple(int(place) for place in body.split(","))
        return Index(places[0]) if len(places) == 1 else Indexes(places)

    def _keys(self) -> Step:
        names = [self._quoted()]
        self.skip_space()
        while self.found(","):
            self.skip_space()
            names.append(self._quoted())
            self.skip_space()
        self.take("]")
        return Key(names[0]) if len(names) == 1 else Keys(tuple(names))

    def _quoted(self) -> str:
        quote = self.here
        if not quote or quote not in "'\"":
            self.fail("expected a text in quotes")
        self.at += 1
        out: list[str] = []
        while not self.found(quote):
            if not self.here:
                self.fail("a text without its closing quote")
            out.append(self._escaped() if self.here == "\\" else self.here)
            self.at += 1
        return "".join(out)

    def _escaped(self) -> str:
        self.at += 1
        if self.here != "u":
            return _ESCAPES.get(self.here, self.here)
        digits = self.text[self.at + 1 : self.at + 5]
        if len(digits) != 4:
            self.fail("expected four hexadecimal digits")
        self.at += 4
        return chr(int(digits, 16))

    def _filter(self) -> Predicate:
        self.skip_space()
        self.take("(")
        accepts = self._either()
        self.skip_space()
        self.take(")")
        return accepts

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._sign("||"):
            parts.append(self._both())
        return filters.either(parts)

    def _both(self) -> Predicate:
        parts = [self._condition()]
        while self._sign("&&"):
            parts.append(self._condition())
        return filters.both(parts)

    def _sign(self, sign: str) -> bool:
        self.skip_space()
        return self.found(sign)

    def _condition(self) -> Predicate:
        if self._sign("!"):
            return filters.opposite(self._condition())
        if self.here == "(":
            return self._filter()
        left, before = self._operand()
        operator = self._operator()
        if operator is None:
            return filters.exists(before) if before is not None else filters.stated(left)
        return filters.comparison(left, operator, self._operand()[0])

    def _operator(self) -> str | None:
        self.skip_space()
        for sign in filters.OPERATORS:
            if not sign[0].isalpha() and self.found(sign):
                return sign
        word = self.matched(_WORD)
        if word is not None and word.lower() not in filters.OPERATORS:
            self.fail(f"no operator {word!r}")
        return word.lower() if word is not None else None

    def _operand(self) -> tuple[Argument, Argument | None]:
        """What to read for one side of a comparison, and of a path the part before its first
        wildcard, scan or filter.
        """
        self.skip_space()
        for sign, reading in (("@", _from_item), ("$", _from_document)):
            if self.found(sign):
                steps = self.steps(_AFTER_OPERAND)
                return reading(steps), reading(_definite_part(steps))
        value = filters.pattern(*self._regex()) if self.found("/") else self._literal()
        return (lambda _item, _scope: value), None

    def _regex(self) -> tuple[str, str]:
        start = self.at
        while self.here != "/":
            if not self.here:
                self.fail("a regular expression without its closing '/'")
            self.at += 2 if self.here == "\\" else 1
        body = self.text[start : self.at]
        self.at += 1
        return body, self.matched(_WORD) or ""

    def _literal(self) -> Any:
        if self.here and self.here in "'\"":
            return self._quoted()
        if self.found("["):
            return self._list()
        if self.here == "{":
            value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
            return value
        number = self.matched(_NUMBER)
        if number is not None:
            return json.loads(number)
        word = self.matched(_WORD)
        if word not in _LITERALS:
            self.fail("expected a value")
        return _LITERALS[word]

    def _list(self) -> list[Any]:
        items: list[Any] = []
        self.skip_space()
        while not self.found("]"):
            if items:
                self.take(",")
                self.skip_space()
            items.append(self._literal())
            self.skip_space()
        return items


def _definite_part(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    taken = 0
    while taken < len(steps) and is_definite(steps[: taken + 1]):
        taken += 1
    return steps[:taken]


def _from_item(steps: tuple[Step, ...]) -> Argument:
    return lambda item, scope: follow(steps, item, scope)


def _from_document(steps: tuple[Step, ...]) -> Argument:
    def read(_item: Any, scope: Scope) -> Any:
        if steps and isinstance(steps[0], Key):
            root = scope.root(steps[0].name)
            return MISSING if root is MISSING else follow(steps[1:], root, scope)
        return follow(steps, scope.full(), scope)

    return read
