"""`firmus nats-users` and `firmus nats-passwords`: users for a NATS of one's own."""

import argparse
import os
import secrets
from typing import get_args

from firmus.broker.permissions import SERVICES, Kind, configuration
from firmus.console.outcome import CommandError, say

OUTSIDERS: tuple[Kind, ...] = ("worker", "producer", "subscriber", "operator")
ROUTE = "route"
"""The user under which servers of a cluster meet."""


def variable(user: str) -> str:
    """Where the password of a user is found."""
    return f"FIRMUS_NATS_PASSWORD_{user.upper().replace('-', '_')}"


def users(options: argparse.Namespace) -> int:
    """Prints the `accounts` block for a nats-server, passwords from the environment."""
    named = _users(options)
    missing = [variable(user) for user in named if not os.environ.get(variable(user))]
    if missing:
        raise CommandError(f"passwords are missing: {', '.join(missing)}", exit_code=2)
    passwords = {user: os.environ[variable(user)] for user in named}
    say(configuration(named, passwords, outside=options.outside or ()).rstrip())
    return 0


def passwords(options: argparse.Namespace) -> int:
    """Prints a fresh password for every user, as variables."""
    for user in (*_users(options), ROUTE):
        say(f"{variable(user)}={secrets.token_urlsafe(24)}")
    return 0


def _users(options: argparse.Namespace) -> dict[str, Kind]:
    """The services, and those asked for as NAME=KIND; without any, one outsider of each kind."""
    named: dict[str, Kind] = {kind: kind for kind in SERVICES}
    for text in options.user or OUTSIDERS:
        name, _, given = text.partition("=")
        kind = next((each for each in get_args(Kind) if each == (given or name)), None)
        if kind is None or not name.replace("-", "").replace("_", "").isalnum():
            kinds = ", ".join(get_args(Kind))
            raise CommandError(f"{text} is not NAME=KIND, with a kind of {kinds}", exit_code=2)
        named[name] = kind
    return named
