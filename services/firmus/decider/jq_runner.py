"""The program of a child process that runs jq: requests on standard input, answers on standard
output, each a frame of four length bytes and JSON.

Run by its path, with nothing of firmus loaded and an empty environment. A request is [program,
input as JSON text]; an answer is [results, null] or [null, why there are none].
"""

import contextlib
import json
import os
import struct
import sys
from functools import lru_cache
from typing import Any, BinaryIO

import jq  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it ships no types

_SIZE = struct.Struct(">I")


_OLDER = "def leaf_paths: paths(scalars); "
"""What programs may know from older versions of jq."""


@lru_cache(maxsize=256)
def compiled(program: str) -> Any:
    return jq.compile(_OLDER + program if "leaf_paths" in program else program)


def answer(program: str, text: str) -> list[Any]:
    try:
        return [compiled(program).input_text(text).all(), None]
    except Exception as error:  # noqa: BLE001 - whatever a program does wrong is its answer
        return [None, str(error) or "the jq program failed"]


def frame(stream: BinaryIO) -> bytes | None:
    """The next frame's body; None at the end of the stream."""
    head = stream.read(_SIZE.size)
    return stream.read(_SIZE.unpack(head)[0]) if len(head) == _SIZE.size else None


def main(memory_limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))
    os.environ.clear()  # the interpreter itself may have added to it
    stream, out = sys.stdin.buffer, sys.stdout.buffer
    while (body := frame(stream)) is not None:
        try:
            told = json.dumps(answer(*json.loads(body)))
        except (ValueError, RecursionError, MemoryError) as error:
            told = json.dumps([None, f"a result that cannot be handed on: {error}"])
        data = told.encode()
        out.write(_SIZE.pack(len(data)) + data)
        out.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
