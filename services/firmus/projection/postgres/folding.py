"""The words of a text as SQLite's full-text index sees them, so that both stores find the same.

SQLite's tokenizer looks at one character at a time: it is part of a word, in its folded form, or
it stands between words, or it is a mark that counts for nothing. What it does with a character is
asked of it once.
"""

import sqlite3
import threading
from functools import cache

TOKENIZER = "unicode61 remove_diacritics 2"
_KNOWN_AT_ONCE = range(1, 0x250)


class Folding(dict[int, str]):
    """A table for `str.translate`; any thread may use it."""

    def __init__(self) -> None:
        super().__init__({0: " "})
        self._turn = threading.Lock()
        self._asked = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._asked.execute(
            f'CREATE VIRTUAL TABLE asked USING fts5(text, content="", tokenize="{TOKENIZER}")'
        )
        self._asked.execute("CREATE VIRTUAL TABLE told USING fts5vocab(asked, instance)")
        self._ask(_KNOWN_AT_ONCE)

    def __missing__(self, code: int) -> str:
        with self._turn:
            if code not in self:
                self._ask(range(code, code + 1))
            return dict.__getitem__(self, code)

    def _ask(self, codes: range) -> None:
        self._asked.executemany(
            "INSERT INTO asked (rowid, text) VALUES (?, ?)",
            [(code, f"x{chr(code)}y") for code in codes],
        )
        told: dict[int, list[str]] = {}
        for code, word in self._asked.execute("SELECT doc, term FROM told ORDER BY doc, offset"):
            told.setdefault(code, []).append(word)
        self._asked.execute("INSERT INTO asked (asked) VALUES ('delete-all')")
        for code, words in told.items():
            self[code] = " " if len(words) > 1 else words[0][1:-1]


@cache
def _folding() -> Folding:
    return Folding()


def words(text: str) -> list[str]:
    """The words of a text, in their order."""
    return text.translate(_folding()).split()
