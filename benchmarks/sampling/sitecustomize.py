"""Samples this process by its own CPU time, from SIGUSR1 to SIGUSR2 or its end; stacks go to
BENCH_SAMPLES.

Python runs it at every start that finds this folder on its path. A sampler that looks at running
processes by the clock would count a process that waits for a core as busy wherever it stopped.
"""

import atexit
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.004


def _install(folder: Path) -> None:
    stacks = Counter[str]()

    def sample(_: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{code.co_qualname} ({'/'.join(code.co_filename.split('/')[-2:])})")
            frame = frame.f_back
        stacks[";".join(reversed(names))] += 1

    def begin(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGPROF, sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def pause(_: int, __: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        text = "".join(f"{stack} {count}\n" for stack, count in stacks.items())
        (folder / str(os.getpid())).write_text(text)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, pause)
    atexit.register(write)


if "BENCH_SAMPLES" in os.environ and sys.argv[:1] != ["-c"]:
    _install(Path(os.environ["BENCH_SAMPLES"]))
