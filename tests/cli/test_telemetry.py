"""Logs, figures and traces of a process."""

import json
import logging

import msgspec
import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.flow import Flow, simple

from firmus.telemetry import Metrics, Tracing, set_up_logging, set_up_tracing
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit


@pytest.fixture
def restored_logging():
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = before


@pytest.mark.usefixtures("restored_logging")
def test_lines_are_json_and_below_the_level_silent(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("warning", "json")
    log = structlog.get_logger("a")
    log.info("hidden")
    log.warning("seen", number=3)
    logging.getLogger("library").error("theirs")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["number"], first["level"]) == ("seen", 3, "warning")
    assert (second["event"], second["logger"]) == ("theirs", "library")


def test_figures_are_read_when_asked_for() -> None:
    metrics, commits = Metrics(), [0]
    metrics.counter("commits", lambda: commits[0], "Commits appended.")
    metrics.gauge("queue_depth", lambda: {"a": 1, "b": 2})
    commits[0] = 7
    text = metrics.render().decode()
    assert "firmus_commits_total 7.0" in text
    assert 'firmus_queue_depth{of="b"} 2.0' in text
    assert "# HELP firmus_commits_total Commits appended." in text


def test_two_figures_of_one_name_are_a_mistake() -> None:
    metrics = Metrics()
    metrics.gauge("a", lambda: 1)
    with pytest.raises(ValueError, match="a"):
        metrics.counter("a", lambda: 1)


def test_tracing_is_off_unless_there_is_somewhere_to_send_to() -> None:
    tracing = set_up_tracing("firmus", None, tracing=Tracing())
    assert not tracing.enabled


def one_task_done(trace: str | None) -> tuple[Commit, WorkflowState]:
    """The commit that ends the only task of a workflow, begun a second before."""
    flow = Flow(simple("a"))
    flow.start()
    flow.begin("a")
    flow.clock.advance(1_000)
    flow.update("a")
    assert flow.state is not None
    return msgspec.structs.replace(flow.commits[-1], trace=trace), flow.state


def test_a_decision_and_the_task_it_ended_are_spans_linked_to_the_start() -> None:
    exporter = InMemorySpanExporter()
    tracing = set_up_tracing("firmus", None, exporter=exporter, tracing=Tracing())
    trace = tracing.start("start flow")
    tracing.committed(*one_task_done(trace))
    tracing.close()

    start, decision, task = exporter.get_finished_spans()
    assert trace is not None
    assert trace.startswith(f"00-{start.context.trace_id:032x}-{start.context.span_id:016x}-")
    assert {span.links[0].context.span_id for span in (decision, task)} == {start.context.span_id}
    assert (decision.name, task.name) == ("decide flow", "task a")
    assert task.end_time - task.start_time == 1_000_000_000
    assert (task.attributes or {})["firmus.status"] == "COMPLETED"


@pytest.mark.parametrize(
    "trace", [None, "", "nonsense", "00-zz-zz-01", f"00-{'a' * 32}-{'b' * 16}-00"]
)
def test_without_a_sampled_start_a_decision_leaves_no_span(trace: str | None) -> None:
    exporter = InMemorySpanExporter()
    tracing = set_up_tracing("firmus", None, exporter=exporter, tracing=Tracing())
    tracing.committed(*one_task_done(trace))
    tracing.close()
    assert exporter.get_finished_spans() == ()


def test_a_start_that_is_not_sampled_has_no_trace() -> None:
    exporter = InMemorySpanExporter()
    tracing = set_up_tracing("firmus", None, ratio=0.0, exporter=exporter, tracing=Tracing())
    assert tracing.start("start flow") is None
    tracing.close()
    assert exporter.get_finished_spans() == ()


def test_the_share_of_starts_that_are_traced_decides_for_their_decisions_too() -> None:
    exporter = InMemorySpanExporter()
    tracing = set_up_tracing("firmus", None, ratio=0.5, exporter=exporter, tracing=Tracing())
    traces = [trace for _ in range(64) if (trace := tracing.start("start flow")) is not None]
    for trace in traces:
        tracing.committed(*one_task_done(trace))
    tracing.close()
    assert 0 < len(traces) < 64
    assert len(exporter.get_finished_spans()) == 3 * len(traces)
