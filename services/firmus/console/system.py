"""`firmus up` and `firmus serve`."""

import argparse
import asyncio
import functools
import os
from collections.abc import Coroutine
from typing import Any

import msgspec

from firmus.broker.connection import BrokerUnavailable, BrokerUnsuitable
from firmus.console.outcome import CommandError, say
from firmus.embedded.datadir import Address, DataDir, DirectoryInUseError
from firmus.embedded.lifetime import until_told
from firmus.embedded.nats_binary import UnusableServerError
from firmus.embedded.nats_server import ServerFailedError
from firmus.embedded.up import StartFailedError, run
from firmus.roles.grpc import missing_package
from firmus.settings import Settings, SettingsError, identity_of, read_settings
from firmus.telemetry import set_up_logging
from firmus.tls import TlsError, server_context

LOCAL_NATS = "nats://127.0.0.1:4222"
_EXPECTED = (
    DirectoryInUseError,
    UnusableServerError,
    ServerFailedError,
    StartFailedError,
    BrokerUnavailable,
    BrokerUnsuitable,
)


def up(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    set_up_logging(settings.log_level, settings.log_format)
    run_loop(run(settings, functools.partial(_announce, security=settings.security)))
    return 0


def serve(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    if settings.nats_url is None:
        settings = msgspec.structs.replace(settings, nats_url=LOCAL_NATS)
    set_up_logging(settings.log_level, settings.log_format)
    from firmus.wiring import run_service  # noqa: PLC0415 - it imports every service

    work = run_service(options.role, settings)
    run_loop(until_told(work, stdin_end=options.until_stdin_ends))
    return 0


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of a command. Raises CommandError (2) for those that cannot be."""
    try:
        settings = read_settings(os.environ, vars(options))
    except SettingsError as error:
        raise CommandError(str(error), exit_code=2) from None
    identity = identity_of(settings)
    if identity is not None:
        try:
            server_context(identity)
        except TlsError as error:
            raise CommandError(str(error), exit_code=2) from None
    missing = missing_package(settings)
    if missing is not None:
        message = f"grpc_port needs the package {missing}: pip install 'firmus[grpc]'"
        raise CommandError(message, exit_code=2)
    return settings


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` on the fast event loop where there is one. Expected trouble: CommandError."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(work)
    except _EXPECTED as error:
        raise CommandError(str(error)) from None


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def _announce(address: Address, directory: DataDir, *, security: bool) -> None:
    say("firmus is up")
    say(f"  REST    {address.rest}/api")
    say(f"  docs    {address.rest}/docs")
    say(f"  health  {address.rest}/health")
    if address.grpc is not None:
        say(f"  gRPC    {address.grpc}")
    say(f"  NATS    {address.nats}")
    say("  events  firmus tail;  their contract: firmus asyncapi")
    say(f"  data    {directory.path}")
    if security:
        say(f"  keys    firmus keys create NAME --role admin --data-dir {directory.path}")
    say("Ctrl-C stops it.")
