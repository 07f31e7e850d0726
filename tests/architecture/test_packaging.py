"""What is installed is said in one place, and the pinned versions cover all of it."""

import re
import tomllib

from tests.architecture.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = (ROOT / "constraints.txt").read_text().splitlines()
NAME = re.compile(r"[A-Za-z0-9._-]+")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(need for extra in extras for need in extra)]
    names = {normal(found[0]) for need in wanted if (found := NAME.match(need))}
    pinned = {normal(line.partition("==")[0]) for line in PINNED}
    assert names - pinned == set()


def test_a_pin_is_a_name_and_a_version() -> None:
    odd = [line for line in PINNED if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)]
    assert odd == []
