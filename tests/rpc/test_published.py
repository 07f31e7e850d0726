"""Our descriptors against `published.txt`: what Conductor 3.32.3 publishes, fact by fact."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

from firmus.rpc.messages import (
    definitions_pb2,
    event_handlers_pb2,
    event_service_pb2,
    executions_pb2,
    metadata_service_pb2,
    requests_pb2,
    search_pb2,
    task_service_pb2,
    workflow_service_pb2,
)
from tests.rpc.facts import facts_of
from tests.rpc.generate import INTO, generate

PUBLISHED = Path(__file__).with_name("published.txt").read_text().splitlines()
GO = "github.com/netflix/conductor/client/gogrpc/conductor"
MODEL = [definitions_pb2, event_handlers_pb2, executions_pb2, requests_pb2]
SERVICES = {
    event_service_pb2: "events",
    metadata_service_pb2: "metadata",
    search_pb2: "search",
    task_service_pb2: "tasks",
    workflow_service_pb2: "workflows",
}
FILES: list[FileDescriptor] = [module.DESCRIPTOR for module in [*MODEL, *SERVICES]]


def test_every_name_number_and_type_is_as_published() -> None:
    ours = facts_of(FILES)
    assert len(PUBLISHED) > 500
    assert [fact for fact in PUBLISHED if fact not in ours] == []
    assert [fact for fact in ours if fact not in PUBLISHED] == []


@pytest.mark.parametrize("module", MODEL)
def test_the_model_is_in_the_published_packages(module: FileDescriptor) -> None:
    options = module.DESCRIPTOR.GetOptions()
    assert module.DESCRIPTOR.package == "conductor.proto"
    assert (options.go_package, options.java_package) == (
        f"{GO}/model",
        "com.netflix.conductor.proto",
    )


@pytest.mark.parametrize(("module", "name"), SERVICES.items())
def test_services_are_in_the_published_packages(module: FileDescriptor, name: str) -> None:
    options = module.DESCRIPTOR.GetOptions()
    assert module.DESCRIPTOR.package == f"conductor.grpc.{name}"
    assert (options.go_package, options.java_package) == (
        f"{GO}/grpc/{name}",
        "com.netflix.conductor.grpc",
    )


def test_the_generated_modules_are_those_of_the_proto_files(tmp_path: Path) -> None:
    generate(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    kept = {
        path.relative_to(INTO): path.read_text()
        for path in (INTO / "firmus" / "rpc" / "messages").glob("*_pb2.py*")
    }
    assert sorted(made) == sorted(kept)
    assert [str(path) for path in made if made[path] != kept[path]] == []
