"""How a command ends badly, and how it speaks."""

import sys


class CommandError(Exception):
    """Printed for the user, without a trace. The exit code is 1 (failed) or 2 (wrongly asked)."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(line: str = "") -> None:
    """One line on standard output, there at once even when that is a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def remark(line: str) -> None:
    """One line beside the output, for a person."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
