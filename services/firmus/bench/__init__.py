"""`firmus bench`: how fast a system is. See docs/performance.md."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; the exit code."""
    from firmus.bench.command import run  # noqa: PLC0415 - the worker process needs little of it

    return run(arguments)
