"""`firmus asyncapi` and `firmus version`."""

import argparse
import json

from firmus.console.outcome import say
from firmus.projection.asyncapi import document
from firmus_contracts.envelope import ENGINE_VERSION


def asyncapi(options: argparse.Namespace) -> int:
    del options
    say(json.dumps(document(), indent=2, ensure_ascii=False))
    return 0


def version(options: argparse.Namespace) -> int:
    del options
    say(f"firmus {ENGINE_VERSION}")
    return 0
