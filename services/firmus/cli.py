"""The command line: what it takes, and which function of `firmus.console` does it.

Nothing is imported before a command is chosen, so that help and mistakes answer at once.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TypeAlias

REST_URL = "http://127.0.0.1:8080"
ROLES = (
    *("gateway", "intake", "schedules", "system-worker"),
    *("scheduler", "projection", "decider"),
)
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 done, 1 failed, 2 wrongly asked."""
    options = _parse(list(sys.argv[1:] if arguments is None else arguments))
    module, _, function = options.run.partition(":")
    from firmus.console.outcome import CommandError

    try:
        return int(getattr(importlib.import_module(f"firmus.console.{module}"), function)(options))
    except CommandError as error:
        print(f"firmus: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    """The benchmark reads its own arguments, which argparse would not let through."""
    if arguments[:1] == ["bench"]:
        return argparse.Namespace(run="work:bench", rest=arguments[1:])
    return build_parser().parse_args(arguments)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmus", description="Event-sourced workflow orchestration on NATS JetStream."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_system(commands)
    _add_nats(commands)
    _add_work(commands)
    _add_workflows(commands)
    _add_history(commands)
    _add_keys(commands)
    _add_rest(commands)
    return parser


def _command(commands: Commands, name: str, run: str, text: str) -> argparse.ArgumentParser:
    """One command; the first sentence of `text` stands in the list, all of it in its own help."""
    first = text.partition(". ")[0].rstrip(".")
    parser: argparse.ArgumentParser = commands.add_parser(name, help=first, description=text)
    parser.set_defaults(run=run)
    return parser


def _add_system(commands: Commands) -> None:
    up = _command(
        commands,
        "up",
        "system:up",
        "Run everything on this machine. Starts a nats-server with its store in the data folder "
        "(or uses --nats-url), all services, and prints where they are found. Ctrl-C stops it; "
        "the data stay.",
    )
    _settings_flags(up)
    serve = _command(
        commands,
        "serve",
        "system:serve",
        "Run one service. Needs a nats-server: --nats-url, else FIRMUS_NATS_URL, else "
        "nats://127.0.0.1:4222.",
    )
    serve.add_argument("role", choices=ROLES)
    serve.add_argument("--until-stdin-ends", action="store_true", help=argparse.SUPPRESS)
    _settings_flags(serve)
    demo = _command(
        commands,
        "demo",
        "demo:run",
        "Run 20 orders through an example workflow and show what happened. Starts its own system "
        "in a temporary folder, or in --data-dir, and stops it at the end.",
    )
    demo.add_argument("--data", "--data-dir", dest="data_dir", metavar="DIR", help="keep it there")
    demo.add_argument("--orders", type=_positive, default=20, metavar="N", help="default 20")
    demo.add_argument("--port", type=int, default=0, help="REST port; default: any free one")
    demo.add_argument("--stay", action="store_true", help="keep running afterwards, until Ctrl-C")


def _add_nats(commands: Commands) -> None:
    """Users for a NATS of one's own: the least that each service needs."""
    told = (
        "Print users for the configuration of a nats-server. One for each service and for those "
        "named; their passwords come from variables such as FIRMUS_NATS_PASSWORD_DECIDER."
    )
    for parser in (
        _command(commands, "nats-users", "nats_users:users", told),
        _command(
            commands,
            "nats-passwords",
            "nats_users:passwords",
            "Print a new password for each of those users",
        ),
    ):
        parser.add_argument(
            "--user",
            action="append",
            metavar="NAME=KIND",
            help="beside the services: worker, producer, subscriber or operator; default: all four",
        )
        parser.add_argument(
            "--outside",
            action="append",
            metavar="SUBJECT",
            help="of other systems, which workflows may send to and event handlers hear",
        )


def _settings_flags(parser: argparse.ArgumentParser) -> None:
    """Each flag is a field of `Settings` and beats the variable FIRMUS_<FIELD>."""
    add, switch = parser.add_argument, argparse.BooleanOptionalAction
    add("--host", help="address of the REST API; default 127.0.0.1")
    add("--port", type=int, help="port of the REST API, 0: any free one; default 8080")
    add("--grpc-port", type=int, metavar="PORT", help="speak gRPC there too; default: not at all")
    add("--data", "--data-dir", dest="data_dir", metavar="DIR", help="default ./firmus-data")
    add("--nats-url", metavar="URL", help="use this nats-server")
    add(
        "--declare-streams",
        action=argparse.BooleanOptionalAction,
        help="make what is missing in NATS; default yes, else wait for who does",
    )
    add("--nats-port", type=int, metavar="PORT", help="of the server that up starts")
    add("--nats-server", metavar="PROGRAM", help="the nats-server program that up starts")
    add(
        "--read-model",
        metavar="STORE",
        help="where search looks: sqlite (default), or postgresql://USER:PASSWORD@HOST/DATABASE, "
        "better given as FIRMUS_READ_MODEL, since others see command lines",
    )
    add(
        "--durability",
        choices=("process", "power"),
        help="what an answered request survives: a crash of any process (default), or a loss of "
        "power too",
    )
    add("--replicas", type=int, choices=(1, 3, 5), help="of each stream; above 1 in a cluster")
    add("--shards", type=int, help="of a new log; default 16")
    add(
        "--processes",
        choices=("one", "two", "each"),
        help="all services in one process, the projection in a second (default), each in its own",
    )
    add(
        "--instance",
        metavar="NAME",
        help="of this process, its own for ever: restarted after a kill it goes on at once",
    )
    add("--log-level", choices=("debug", "info", "warning", "error"))
    add("--log-format", choices=("auto", "console", "json"))
    add("--metrics-port", type=int, metavar="N", help="Prometheus figures of a single service")
    add("--otel-endpoint", metavar="URL", help="send traces there (OTLP over HTTP)")
    add("--otel-ratio", type=float, metavar="0..1", help="share of workflows traced; default 1")
    add("--security", action=switch, help="ask everybody for a key or token; default no")
    add(
        "--insecure-public",
        action="store_true",
        default=None,
        help="allow a --host that others can reach without --security",
    )
    add("--http-public-only", action=switch, help="HTTP tasks reach no private address; default no")
    add("--http-verify-tls", action=switch, help="HTTP tasks check certificates; default yes")
    add("--http-env-proxy", action=switch, help="HTTP tasks obey HTTP_PROXY; default no")
    add(
        "--execution-namespace",
        metavar="NAME",
        help="the system worker takes only tasks of this executionNameSpace",
    )
    _front_flags(parser)


def _front_flags(parser: argparse.ArgumentParser) -> None:
    """Of the settings, those about how a gateway meets its clients."""
    add = parser.add_argument
    add("--tls-cert", metavar="FILE", help="REST and gRPC speak TLS with this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key; default: in the same file")
    add("--tls-client-ca", metavar="FILE", help="clients need a certificate signed by one of these")
    add("--rate-per-s", type=float, metavar="N", help="requests of each client, 0 (default): any")
    add("--rate-burst", type=int, metavar="N", help="of them at once; default those of 2 seconds")
    add("--connections-max", type=int, metavar="N", help="of a gateway, 0: any; default 10000")
    add("--requests-max", type=int, metavar="N", help="of a gateway at once, 0 (default): any")
    add("--body-bytes-max", type=int, metavar="N", help="of a request; default 32 MiB")
    add("--gzip-bytes-min", type=int, metavar="N", help="of packed answers, 0: none; default 16384")
    add(
        "--allowed-origins", metavar="A,B", help="whose pages may call from a browser; default none"
    )


def _add_work(commands: Commands) -> None:
    worker = _command(
        commands,
        "worker",
        "work:worker",
        "Run a worker over NATS. MODULE holds functions decorated with @task; :ATTR names one of "
        "them, a list of them, or a firmus.worker.Worker.",
    )
    worker.add_argument("what", metavar="MODULE[:ATTR]")
    worker.add_argument(
        "--concurrency", type=_positive, default=32, metavar="N", help="tasks of a name at once"
    )
    worker.add_argument("--domain", help="work in this task domain")
    _nats(worker)
    _command(
        commands,
        "bench",
        "work:bench",
        "Measure the speed of a running server. Arguments are those of the benchmark: "
        "firmus bench --help.",
    )


def _add_workflows(commands: Commands) -> None:
    start = _command(commands, "start", "workflows:start", "Start a workflow and print its id.")
    start.add_argument("name")
    start.add_argument("--input", default="{}", metavar="JSON", help="an object; @FILE reads it")
    start.add_argument("--version", type=_positive, help="of the definition; default the highest")
    start.add_argument("--correlation-id", metavar="TEXT")
    start.add_argument("--priority", type=int, default=0, metavar="0..99")
    start.add_argument(
        "--wait", action="store_true", help="wait for its end; exit code 1 unless it completed"
    )
    get = _command(commands, "get", "workflows:get", "Print a workflow as JSON.")
    get.add_argument("id")
    get.add_argument("--no-tasks", action="store_true")
    for parser in (start, get):
        _rest(parser)


def _add_history(commands: Commands) -> None:
    log = _command(
        commands,
        "log",
        "history:log",
        "Print what happened to a workflow, from the log: each event with its version, time and "
        "cause, and what was refused.",
    )
    log.add_argument("id")
    log.add_argument("--json", action="store_true", help="the commits as stored, one a line")
    tail = _command(
        commands,
        "tail",
        "history:tail",
        "Print public events as they happen. SUBJECT is a NATS subject such as "
        "'workflow.failed.>' or 'task.*.order_flow.>'; default all.",
    )
    tail.add_argument("subject", nargs="*")
    tail.add_argument("--json", action="store_true", help="whole events, one a line")
    tail.add_argument("--count", type=_positive, metavar="N", help="end after N events")
    for parser in (log, tail):
        _rest(parser)
        _nats(parser)
        parser.add_argument("--data-dir", metavar="DIR", help="of a running `firmus up`")
        parser.add_argument("--unmask", action="store_true", help="show masked fields as well")


def _add_keys(commands: Commands) -> None:
    keys = commands.add_parser(
        "keys",
        help="Make, list and end API keys",
        description="API keys, for a server that runs with --security. They are kept in NATS, so "
        "this needs NATS and no running server.",
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = _command(
        keys, "create", "keys:create", "Make a key and print its id and secret, this once."
    )
    create.add_argument("name", help="what the history calls whoever uses it")
    show = _command(keys, "list", "keys:show", "List the keys and what they may do.")
    show.add_argument("--all", action="store_true", help="revoked ones too")
    grant = _command(keys, "grant", "keys:grant", "Give a key exactly these roles.")
    rotate = _command(
        keys, "rotate", "keys:rotate", "Give a key a new secret and print it, this once."
    )
    revoke = _command(keys, "revoke", "keys:revoke", "End a key and all its tokens, for good.")
    for parser in (create, grant):
        parser.add_argument(
            "--role",
            action="append",
            required=True,
            metavar="ROLE[:NAMES]",
            help="read, execute or admin, on names such as 'orders_*'; default all. Repeatable",
        )
    for parser in (grant, rotate, revoke):
        parser.add_argument("id")
    rotate.add_argument(
        "--overlap-s", type=int, default=0, metavar="S", help="the old secret counts so long still"
    )
    for parser in (create, rotate):
        parser.add_argument("--json", action="store_true", help="on one line")
    for parser in (create, show, grant, rotate, revoke):
        _rest(parser)
        _nats(parser)
        parser.add_argument("--data-dir", metavar="DIR", help="of a running `firmus up`")


def _add_rest(commands: Commands) -> None:
    rebuild = _command(
        commands,
        "rebuild",
        "readmodel:rebuild",
        "Build the read model anew from the log, beside the one in use, compare the two, and put "
        "the new one in its place. The one before is kept for `firmus rollback`.",
    )
    rebuild.add_argument(
        "--verify",
        choices=("report", "strict", "off"),
        default="report",
        help="differences are told (report), keep the old one in use (strict), or are not looked "
        "for (off); default report",
    )
    rebuild.add_argument("--watch", action="store_true", help="only watch the one that runs")
    rollback = _command(
        commands,
        "rollback",
        "readmodel:roll_back",
        "Put the read model from before the last rebuild in use again. It catches up with the log; "
        "the other one is kept instead.",
    )
    status = _command(
        commands,
        "readmodel",
        "readmodel:status",
        "Print how far the read model and the public events are, and how the last rebuild went.",
    )
    status.add_argument("--drop-kept", action="store_true", help="remove the one kept for rollback")
    status.add_argument("--json", action="store_true", help="on one line")
    for parser in (rebuild, rollback, status):
        _settings_flags(parser)
    _command(commands, "asyncapi", "upkeep:asyncapi", "Print the AsyncAPI document of all events.")
    _command(commands, "version", "upkeep:version", "Print the version.")


def _rest(parser: argparse.ArgumentParser) -> None:
    url = os.environ.get("FIRMUS_URL", REST_URL)
    parser.add_argument("--url", default=url, help=f"of the server; default {url}")


def _nats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nats-url", metavar="URL", default=os.environ.get("FIRMUS_NATS_URL"), help="NATS address"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
