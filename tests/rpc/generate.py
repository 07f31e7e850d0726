"""The modules of `firmus.rpc.messages` anew from `contracts/proto`: `python -m tests.rpc.generate`."""

import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "contracts" / "proto"
INTO = ROOT / "services"


def generate(into: Path) -> None:
    """Writes them below a folder. Raises RuntimeError when the compiler refuses."""
    files = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))
    own = Path(grpc_tools.__file__).parent / "_proto"
    options = [f"-I{PROTO}", f"-I{own}", f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main(["protoc", *options, *files]):
        raise RuntimeError("the compiler of protocol buffers failed")


if __name__ == "__main__":
    generate(INTO)
    sys.exit(0)
