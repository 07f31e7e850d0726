"""The command line: what it takes, and how it answers mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmus import cli
from firmus.cli import build_parser, main
from firmus.console import system
from firmus.console.outcome import CommandError
from firmus.settings import FIELDS, ROLES

COMMANDS = [
    "up",
    "serve",
    "demo",
    "worker",
    "bench",
    "start",
    "get",
    "log",
    "tail",
    "keys",
    "rebuild",
    "rollback",
    "readmodel",
    "nats-users",
    "nats-passwords",
    "asyncapi",
    "version",
]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firmus", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
    )


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    listed = capsys.readouterr().out
    assert ended.value.code == 0
    assert [name for name in COMMANDS if f"\n    {name}" not in listed] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "bench"])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: firmus {name}" in capsys.readouterr().out


def test_every_setting_has_a_flag() -> None:
    options = vars(build_parser().parse_args(["up"]))
    assert [field for field in FIELDS if field not in options] == []
    assert all(options[field] is None for field in FIELDS)


def test_the_roles_are_those_of_the_settings() -> None:
    assert cli.ROLES == ROLES


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["serve"],
        ["serve", "cook"],
        ["up", "--durability", "hope"],
        ["demo", "--orders", "0"],
    ],
)
def test_a_wrong_command_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_the_benchmark_gets_its_arguments_untouched() -> None:
    options = cli._parse(["bench", "--url", "http://a", "x"])
    assert options.rest == ["--url", "http://a", "x"]


def test_flags_of_up_become_settings() -> None:
    flags = ["up", "--port", "0", "--metrics-port", "9100", "--processes", "one"]
    settings = system.settings_of(build_parser().parse_args(flags))
    assert (settings.port, settings.metrics_port, settings.processes) == (0, 9100, "one")


def test_a_public_host_is_refused_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--host", "0.0.0.0"]) == 2
    assert "--insecure-public" in capsys.readouterr().err


def test_grpc_without_its_packages_is_refused_with_exit_code_2() -> None:
    """The interpreter is told that there is no such package."""
    script = (
        "import sys; sys.modules['grpc'] = None; from firmus.cli import main; "
        "sys.exit(main(['up', '--grpc-port', '8090']))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert found.returncode == 2
    assert "pip install 'firmus[grpc]'" in found.stderr


def test_version_names_the_product() -> None:
    assert run("version").stdout.startswith("firmus ")


def test_starting_loads_no_service_and_no_client_library() -> None:
    heavy = "{'nats', 'falcon', 'faststream', 'firmus.wiring', 'msgspec'} & set(sys.modules)"
    script = f"import sys; from firmus.cli import build_parser; build_parser(); print({heavy})"
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout.strip() == "set()"


def test_an_input_that_is_no_object_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "flow", "--input", "[1]"]) == 2
    assert main(["start", "flow", "--input", "{oops"]) == 2
    assert main(["start", "flow", "--input", "@/no/such/file"]) == 2
    assert capsys.readouterr().err.count("--input") == 3


def test_a_server_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "x", "--url", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9" in capsys.readouterr().err


def test_log_wants_the_id_of_a_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "seven"]) == 2
    assert "seven" in capsys.readouterr().err


def test_a_worker_module_is_found_in_the_folder_we_are_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firmus.console.work import _found, _worker

    tmp_path.joinpath("my_tasks.py").write_text(
        "from firmus.worker import task\n@task('one')\ndef one(): ...\nempty = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    options = build_parser().parse_args(["worker", "my_tasks:one", "--nats-url", "nats://a"])
    assert _worker(options)._tasks == [_found("my_tasks:one")]
    for wrong in ("my_tasks:two", "my_tasks:empty", "no_such_module"):
        with pytest.raises(CommandError):
            _worker(build_parser().parse_args(["worker", wrong]))
