"""What playing a workflow in a test costs: `firmus.testing`, in memory, on virtual time.

usage: python benchmarks/rehearsal.py [--json]

`sequence`: 50 SIMPLE tasks in a row, given as a definition (checked, resolved, played) and by the
name of one that is registered (resolved, played). `fork`: 1,000 branches and their join. `month`: a
WAIT of 30 days. `script`: one INLINE. Wall time in milliseconds, median and best.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from firmus.testing import Run, Workflows

LONG = 50
WIDE = 1_000
REPEATS = 30


def simple(ref: str, **inputs: Any) -> dict[str, Any]:
    return {"name": "work", "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": inputs}


def operator(ref: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def definition(name: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": 1, "tasks": list(tasks)}


def sequence() -> dict[str, Any]:
    first, rest = simple("t0", n=0), range(1, LONG)
    return definition(
        "sequence", first, *(simple(f"t{at}", n=f"${{t{at - 1}.output.n}}") for at in rest)
    )


def fork() -> dict[str, Any]:
    refs = [f"b{at}" for at in range(WIDE)]
    branches = [[simple(ref)] for ref in refs]
    return definition(
        "fork",
        operator("f", "FORK_JOIN", forkTasks=branches),
        operator("j", "JOIN", joinOn=refs),
    )


def month() -> dict[str, Any]:
    return definition("month", operator("w", "WAIT", inputParameters={"duration": "30 days"}))


def script() -> dict[str, Any]:
    inputs = {"evaluatorType": "javascript", "expression": "1 + 1"}
    return definition("script", operator("i", "INLINE", inputParameters=inputs))


def measured(play: Callable[[], Run], repeats: int) -> tuple[float, float]:
    """Milliseconds: median and best."""
    took_ms = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        run = play()
        took_ms.append((time.perf_counter() - began_s) * 1000)
        if run.status != "COMPLETED":
            raise RuntimeError(f"{run} has not completed")
    return statistics.median(took_ms), min(took_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one object for each figure")
    as_json = parser.parse_args().json
    answers = {"work": {"n": 1}}
    with Workflows() as workflows:
        workflows.register(sequence())
        for what, given, repeats in (
            ("sequence of 50, given", sequence(), REPEATS),
            ("sequence of 50, registered", "sequence", REPEATS),
            ("fork of 1,000", fork(), 5),
            ("wait of 30 days", month(), REPEATS),
            ("script", script(), REPEATS),
        ):
            median_ms, best_ms = measured(
                lambda given=given: workflows.run(given, tasks=answers),  # type: ignore[misc]  # bound now
                repeats,
            )
            if as_json:
                print(json.dumps({"what": what, "median_ms": median_ms, "best_ms": best_ms}))
            else:
                print(f"{what:28} {median_ms:8.1f} ms, best {best_ms:6.1f}")


if __name__ == "__main__":
    main()
