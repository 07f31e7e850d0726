"""`firmus rebuild`, `firmus asyncapi` and `firmus version`."""

import argparse
import json

import msgspec

from firmus.console.outcome import say
from firmus.console.system import LOCAL_NATS, run_loop, settings_of
from firmus.projection.asyncapi import document
from firmus.telemetry import set_up_logging
from firmus_contracts.envelope import ENGINE_VERSION


def rebuild(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    if settings.nats_url is None:
        settings = msgspec.structs.replace(settings, nats_url=LOCAL_NATS)
    set_up_logging(settings.log_level, settings.log_format)
    from firmus.wiring import run_rebuild  # noqa: PLC0415 - it imports every service

    run_loop(run_rebuild(settings))
    say("rebuilt")
    return 0


def asyncapi(options: argparse.Namespace) -> int:
    del options
    say(json.dumps(document(), indent=2, ensure_ascii=False))
    return 0


def version(options: argparse.Namespace) -> int:
    del options
    say(f"firmus {ENGINE_VERSION}")
    return 0
