"""compose.yaml played with local processes: every command line of it, on loopback and in a folder."""

import contextlib
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from firmus.broker.access import Access
from firmus.console.nats_users import ROUTE, variable
from tests.e2e.compose_users import USERS
from tests.e2e.processes import Child, until
from tests.nats_server import free_port, server_binary

FILE = Path(__file__).parents[2] / "compose.yaml"
PASSWORDS = {variable(user): f"of-{user}" for user in (*USERS, ROUTE)}
PORTS = ("4222", "6222", "8222", "8080", "8090")
PROGRAMS = {
    "nats-server": [server_binary()],
    "firmus": [sys.executable, "-m", "firmus"],
    "python": [sys.executable],
}


def parsed(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The file as compose reads it: `${NAME:?}` from the environment, `$$` as `$`."""
    given = {**PASSWORDS, **(environ or {})}
    text = re.sub(r"\$(?:(\$)|\{(\w+):\?\})", lambda m: m[1] or str(given[m[2]]), FILE.read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container as a process: where its ports and folders lie instead."""

    name: str
    child: Child
    ports: dict[str, int]
    healthcheck: list[str]

    @property
    def healthy(self) -> bool:
        """Whether the container's own health check says so; true when it has none."""
        if not self.healthcheck:
            return self.child.runs
        check = Child("health check", self.healthcheck, Path("/dev/null"))
        check.start()
        until("the end of the health check", lambda: not check.runs)
        return check.code == 0


class Composition:
    """All containers of the file; `start` and `stop` as compose would."""

    def __init__(self, folder: Path) -> None:
        document = parsed()
        self._folder = folder
        self._config: str = document["configs"]["nats"]["content"]
        services: dict[str, dict[str, Any]] = document["services"]
        self._ports = {name: {port: free_port() for port in PORTS} for name in services}
        self.containers = {name: self._container(name, it) for name, it in services.items()}
        self._waits = {name: list(it.get("depends_on", ())) for name, it in services.items()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['gateway']['8080']}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self._ports['gateway']['8090']}"

    @property
    def operator(self) -> Access:
        """Who may look into streams."""
        user = "operator"
        return Access(url=self.nats_url, user=user, password=PASSWORDS[variable(user)])

    @property
    def nats_url(self) -> str:
        urls = [it.ports["4222"] for name, it in self.containers.items() if "nats" in name]
        return ",".join(f"nats://127.0.0.1:{port}" for port in urls)

    def start(self) -> None:
        """Each container once those it depends on are healthy."""
        for name, container in self.containers.items():
            for needed in self._waits[name]:
                until(f"a healthy {needed}", lambda it=needed: self.containers[it].healthy)
            container.child.start()
        until("a healthy gateway", self._ready)

    def _ready(self) -> bool:
        self.restart_what_ended()
        return self.containers["gateway"].healthy

    def restart_what_ended(self) -> None:
        """`restart: unless-stopped`."""
        for container in self.containers.values():
            if not container.child.runs:
                container.child.start()

    def stop(self) -> None:
        with contextlib.ExitStack() as stack:
            for container in self.containers.values():
                stack.callback(container.child.stop)

    def denied(self) -> list[str]:
        """What the nats-servers say was tried without a permission."""
        logs = "".join(self.containers[f"nats-{number}"].child.said() for number in (1, 2, 3))
        return [line for line in logs.splitlines() if "Violation" in line]

    def said(self) -> str:
        children = [container.child for container in self.containers.values()]
        return "\n".join(f"--- {it.name}\n{it.said()[-2000:]}" for it in children)

    def _container(self, name: str, given: dict[str, Any]) -> Container:
        home = self._folder / name
        home.mkdir()
        home.joinpath("nats.conf").write_text(self._local(name, self._config))
        settings = given.get("environment", {})
        child = Child(
            name,
            self._command(name, shlex.split(given["command"])),
            self._folder / f"{name}.log",
            {key: self._local(name, str(value)) for key, value in settings.items()},
        )
        check = given.get("healthcheck", {}).get("test", ["CMD"])[1:]
        return Container(
            name=name,
            child=child,
            ports=self._ports[name],
            healthcheck=self._command(name, check) if check else [],
        )

    def _command(self, name: str, words: list[str]) -> list[str]:
        return [*PROGRAMS[words[0]], *(self._local(name, word) for word in words[1:])]

    def _local(self, name: str, text: str) -> str:
        """A text of this container with hosts, ports and folders as they are here."""
        for other, ports in self._ports.items():
            for port, here in ports.items():
                text = re.sub(rf"(//|@){other}:{port}\b", rf"\g<1>127.0.0.1:{here}", text)
        for port, here in self._ports[name].items():
            text = re.sub(rf"(?:0\.0\.0\.0|127\.0\.0\.1):{port}\b", f"127.0.0.1:{here}", text)
            text = str(here) if text == port else text
        text = "127.0.0.1" if text == "0.0.0.0" else text
        text = text.replace("/etc/nats/nats.conf", str(self._folder / name / "nats.conf"))
        return text.replace("/var/lib/firmus", str(self._folder / name))


@contextlib.contextmanager
def composed(folder: Path) -> Iterator[Composition]:
    """The whole composition, running; nothing of it is left afterwards."""
    composition = Composition(folder)
    try:
        composition.start()
        yield composition
    except BaseException:
        print(composition.said())
        raise
    finally:
        composition.stop()
