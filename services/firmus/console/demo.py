"""`firmus demo`."""

import argparse
import tempfile

from firmus.console.system import run_loop
from firmus.demo.show import show
from firmus.settings import Settings
from firmus.telemetry import set_up_logging


def run(options: argparse.Namespace) -> int:
    set_up_logging("warning")
    with tempfile.TemporaryDirectory(prefix="firmus-demo-") as temporary:
        settings = Settings(
            data_dir=options.data_dir or temporary, port=options.port, log_level="warning"
        )
        run_loop(show(settings, orders=options.orders, stay=options.stay))
    return 0
