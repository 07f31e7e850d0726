"""Writes asyncapi.yaml anew from the types: `python -m asyncapi.generate` (needs the dev extra)."""

from pathlib import Path

import yaml

from firmus.projection.asyncapi import document

FILE = Path(__file__).with_name("asyncapi.yaml")
HEAD = "# Made from the types by `python -m asyncapi.generate`; a test keeps it so.\n"


class _Plain(yaml.SafeDumper):
    """Without anchors: what is shared in memory is written out where it stands."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def text() -> str:
    return HEAD + yaml.dump(
        document(), Dumper=_Plain, sort_keys=False, width=100, allow_unicode=True
    )


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
