"""A folder that one process has to itself among others that were told of the same place.

The first takes the folder itself, the next one `<folder>-2`, and so on. The operating system frees
the lock of a process that died; one that is frozen keeps its own, and disturbs nobody.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from firmus.embedded.datadir import DirectoryInUseError, lock_folder
from firmus.projection.port import ReadModels
from firmus.projection.stores import SQLITE, models_of
from firmus.settings import Settings

PATIENCE_S = 5.0
"""How long a process waits for the first folder, which one that was just killed may still hold,
before it makes another.
"""
AGAIN_S = 0.1


@contextlib.asynccontextmanager
async def read_models(settings: Settings) -> AsyncIterator[ReadModels]:
    """Of SQLite each process has a folder of its own, also where several were told of one."""
    place = Path(settings.data_dir) / "readmodel"
    if settings.read_model != SQLITE:
        yield models_of(settings.read_model, place)
        return
    async with own_folder(place) as folder:
        yield models_of(settings.read_model, folder)


@contextlib.asynccontextmanager
async def own_folder(place: Path, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Path]:
    """The folder that is ours for the time of an async with block."""
    folder, lock = await _taken(place, patience_s)
    try:
        yield folder
    finally:
        lock.close()


async def _taken(place: Path, patience_s: float) -> tuple[Path, BinaryIO]:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience_s
    while True:
        make = loop.time() >= until_s
        for folder in _places(place):
            if folder != place and not folder.exists() and not make:
                break
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(DirectoryInUseError):
                return folder, lock_folder(folder)
        await asyncio.sleep(AGAIN_S)


def _places(place: Path) -> list[Path]:
    beside = [place.with_name(f"{place.name}-{number}") for number in range(2, 100)]
    return [place, *beside]
