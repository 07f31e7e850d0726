"""Runs the marked code blocks of a document, in order, in one folder, against a running system.

A block counts when a comment stands on the line before it: `<!-- tested: file NAME -->` writes it
to a file, `run` runs it and wants exit code 0, `background` runs it until the next such block.
The usual addresses in a block become those of the system under test.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.e2e.processes import environment
from tests.e2e.system import System

BLOCK = re.compile(
    r"^<!-- tested: (?P<how>\w+)(?: (?P<name>\S+))? -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PATIENCE_S = 60.0
CURL = """#!{python}
import argparse, pathlib, sys, urllib.request
p = argparse.ArgumentParser()
p.add_argument("-X", default="GET"); p.add_argument("-H"); p.add_argument("-d"); p.add_argument("url")
o = p.parse_args()
headers = dict([o.H.split(": ", 1)]) if o.H else {{}}
data = pathlib.Path(o.d[1:]).read_bytes() if o.d else None
with urllib.request.urlopen(urllib.request.Request(o.url, data, headers, method=o.X)) as answer:
    sys.stdout.buffer.write(answer.read())
"""
"""Does what the documents ask of curl, where there is none."""


class Block(msgspec.Struct, frozen=True):
    how: str
    name: str
    language: str
    code: str


def blocks_of(text: str) -> list[Block]:
    return [
        Block(found["how"], found["name"] or "", found["language"], found["code"])
        for found in BLOCK.finditer(text)
    ]


class Page:
    """The folder in which a reader of the document works."""

    def __init__(self, folder: Path, system: System) -> None:
        self._folder = folder
        self._system = system
        self._background: subprocess.Popen[bytes] | None = None
        tools = folder / "tools"
        tools.mkdir()
        if shutil.which("curl") is None:
            curl = tools / "curl"
            curl.write_text(CURL.format(python=sys.executable))
            curl.chmod(0o755)
        settings = {"FIRMUS_URL": system.url, "FIRMUS_NATS_URL": system.nats_url}
        self._environment = environment(**settings)
        paths = (str(Path(sys.executable).parent), str(tools), self._environment["PATH"])
        self._environment["PATH"] = os.pathsep.join(paths)

    def play(self, block: Block) -> None:
        code = block.code.replace("http://127.0.0.1:8080", self._system.url)
        code = code.replace("nats://127.0.0.1:4222", self._system.nats_url)
        match block.how:
            case "file":
                (self._folder / block.name).write_text(code)
            case "run":
                self._run(block.language, code)
            case "background":
                self.end()
                self._background = self._started(block.language, code)
            case _:
                raise AssertionError(f"no way to test {block.how!r}")

    def end(self) -> None:
        """Ends what runs in the background, as Ctrl-C would."""
        process, self._background = self._background, None
        if process is None:
            return
        assert process.poll() is None, "it ended by itself"
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()

    def _command(self, language: str, code: str) -> list[str]:
        return {"bash": ["bash", "-euc", code], "python": [sys.executable, "-c", code]}[language]

    def _started(self, language: str, code: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command(language, code),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _run(self, language: str, code: str) -> None:
        done = subprocess.run(
            self._command(language, code),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
