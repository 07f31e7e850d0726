# `just` lists the recipes. They use the environment in .venv, made as the README says.

bin := ".venv/bin"

[private]
default:
    @just --list --unsorted

# make the environment with everything that development needs
setup:
    python3 -m venv .venv
    {{bin}}/pip install -e '.[dev]' -c constraints.txt

# lint, format, types and the quick tests
check: lint types
    {{bin}}/pytest -m "not e2e and not nats"

# what ruff says, formatting included
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .

# mypy --strict
types:
    {{bin}}/mypy --strict
    {{bin}}/mypy --strict examples

# put files into the house's format
format:
    {{bin}}/ruff check --fix .
    {{bin}}/ruff format .

# every test
test *arguments:
    {{bin}}/pytest {{arguments}}

# what continuous integration runs, in a fresh environment
ci:
    .ci/run

# the whole system on this machine
up *arguments:
    {{bin}}/firmus up {{arguments}}

# how fast it is here
bench *arguments:
    {{bin}}/firmus bench {{arguments}}

# asyncapi.yaml anew from the types
asyncapi:
    {{bin}}/python -m asyncapi.generate

# the modules of gRPC messages anew from contracts/proto
proto:
    {{bin}}/python -m tests.rpc.generate

# constraints.txt anew (needs uv)
constraints:
    uv pip compile --quiet --upgrade --all-extras --python-version 3.11 --no-header --no-annotate pyproject.toml -o constraints.txt
