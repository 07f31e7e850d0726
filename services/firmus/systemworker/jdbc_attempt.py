"""One run of a statement, between the thread that runs it and the loop that may give it up."""

import contextlib
import threading
from typing import Any


class GivenUp(Exception):
    """Nobody waits for the statement any more: it must change nothing."""


class Attempt:
    """Either it is given up or it may commit, never both."""

    def __init__(self) -> None:
        self._decision = threading.Lock()
        self._given_up = False
        self._committing = False
        self._in_use = threading.Lock()
        self._driver: Any = None

    @property
    def committing(self) -> bool:
        return self._committing

    def begin(self, driver: Any) -> None:
        """`driver`: the driver's own connection. Raises GivenUp."""
        with self._in_use:
            self._driver = driver
        if self._given_up:
            raise GivenUp

    def commit(self) -> None:
        """From now on it is waited for. Raises GivenUp."""
        with self._decision:
            if self._given_up:
                raise GivenUp
            self._committing = True

    def end(self) -> None:
        """After this the driver's connection may be another attempt's."""
        with self._in_use:
            self._driver = None

    def give_up(self) -> bool:
        """False when it is too late: it is being committed."""
        with self._decision:
            self._given_up = not self._committing
            return self._given_up

    def interrupt(self) -> None:
        """Asks the driver to break off what it does; may wait for the network. A driver that has
        no way to do so goes on to the end of the statement, and rolls back then.
        """
        with self._in_use:
            if self._committing or self._driver is None:
                return
            for name in ("interrupt", "cancel"):
                method = getattr(self._driver, name, None)
                if callable(method):
                    with contextlib.suppress(Exception):
                        method()
                    return
