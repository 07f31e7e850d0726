"""The users of compose.yaml, written from the table of permissions: `python -m` this module."""

import textwrap
from pathlib import Path

from firmus.broker.permissions import SERVICES, Kind, configuration
from firmus.console.nats_users import OUTSIDERS, variable

FILE = Path(__file__).parents[2] / "compose.yaml"
BEGIN, END = "      # users\n", "      # end of users\n"
USERS: dict[str, Kind] = {kind: kind for kind in (*SERVICES, *OUTSIDERS)}


def block() -> str:
    """As it stands in the file: compose puts passwords in, and reads $$ as $."""
    passwords = {user: f"@@{variable(user)}@@" for user in USERS}
    text = configuration(USERS, passwords).replace("$", "$$")
    for user in USERS:
        text = text.replace(passwords[user], f"${{{variable(user)}:?}}")
    return textwrap.indent(text, "      ")


def rewritten(document: str) -> str:
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}{block()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    FILE.write_text(rewritten(FILE.read_text()))
