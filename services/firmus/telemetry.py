"""What a process says about itself: log lines, figures for Prometheus, traces. Free when unused."""

import logging
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

ENDINGS = (
    ev.TaskCompleted,
    ev.TaskCompletedWithErrors,
    ev.TaskFailed,
    ev.TaskTimedOut,
    ev.TaskCanceled,
    ev.TaskSkipped,
)
Values = float | Mapping[str, float]
"""One figure, or one for each value of the label `of`."""

About = dict[str, str | int]
"""Attributes of a span."""

_Family = Callable[..., GaugeMetricFamily | CounterMetricFamily]
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def set_up_logging(level: str = "info", form: str = "auto") -> None:
    """Sends log lines to standard error: JSON, or for a person (`auto`: when it is a terminal)."""
    person = form == "console" or (form == "auto" and sys.stderr.isatty())
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if person
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[level], logging.WARNING), force=True)


class Metrics(Collector):
    """Figures of one process. Hot code counts in plain integers; they are read when asked for."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[_Family, str, Callable[[], Values]]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def gauge(self, name: str, read: Callable[[], Values], text: str = "") -> None:
        """A figure that goes up and down, shown as `firmus_<name>`."""
        self._add(name, GaugeMetricFamily, read, text)

    def counter(self, name: str, read: Callable[[], Values], text: str = "") -> None:
        """A figure that only grows, shown as `firmus_<name>_total`."""
        self._add(name, CounterMetricFamily, read, text)

    def render(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Shows them at a port of their own, from a thread; returns what ends that."""
        server, thread = start_http_server(port, addr=host, registry=self._registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks of a collector."""
        for name, (family, text, read) in self._read.items():
            values = read()
            named = isinstance(values, Mapping)
            metric = family(
                f"firmus_{name}", text or name.replace("_", " "), labels=("of",) if named else None
            )
            if isinstance(values, Mapping):
                for label, value in values.items():
                    metric.add_metric((label,), value)
            else:
                metric.add_metric((), values)
            yield metric

    def _add(self, name: str, family: _Family, read: Callable[[], Values], text: str) -> None:
        if name in self._read:
            raise ValueError(f"there are two figures called {name}")
        self._read[name] = (family, text, read)


class Tracing:
    """Spans for decisions. Off until `set_up_tracing`; check `enabled` before any other call."""

    enabled = False

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Any = None
        self._ratio = 0.0

    def use(self, provider: "TracerProvider", ratio: float) -> None:
        self._ratio = ratio
        self._provider = provider
        self._tracer = provider.get_tracer("firmus")
        self.enabled = True

    def start(self, name: str) -> str | None:
        """A short span for the start of a workflow; its traceparent, None when not sampled.

        Sampling is decided here, and here only: all decisions of a sampled start are recorded.
        """
        if random.random() >= self._ratio:  # noqa: S311 - statistics, no secret
            return None
        with self._tracer.start_as_current_span(name) as span:
            return traceparent_of(span)

    def committed(self, commit: Commit, state: WorkflowState) -> None:
        """A short span for a decision and one for each task execution that it ended, all linked to
        the workflow's start; without a sampled one nothing is recorded.
        """
        origin = _context_of(commit.trace)
        if origin is None or not origin.trace_flags.sampled:
            return
        about: dict[str, str | int] = {
            "firmus.workflow_id": commit.workflow_id,
            "firmus.workflow": state.name,
        }
        kinds = ",".join(cause.kind for cause in commit.causes)
        first: About = {
            "firmus.version": commit.first_version,
            "firmus.commands": kinds,
        }
        self._span(f"decide {state.name}", origin, commit.time_ms, commit.time_ms, about | first)
        for event in commit.events:
            ordinal = getattr(event, "ordinal", None)
            row = state.tasks.get(ordinal) if ordinal is not None else None
            if row is None or not isinstance(event, ENDINGS):
                continue
            task: About = {"firmus.task": row.ref, "firmus.status": row.status.value}
            began_ms = row.start_ms or row.scheduled_ms
            self._span(f"task {row.made.task_type}", origin, began_ms, row.end_ms, about | task)

    def _span(
        self, name: str, origin: Any, began_ms: int, ended_ms: int, about: Mapping[str, str | int]
    ) -> None:
        from opentelemetry.trace import Link  # noqa: PLC0415 - only when tracing is on

        span = self._tracer.start_span(
            name, links=[Link(origin)], attributes=dict(about), start_time=began_ms * 1_000_000
        )
        span.end(end_time=ended_ms * 1_000_000)

    def close(self) -> None:
        """Sends what is still held back."""
        if self._provider is not None:
            self._provider.shutdown()
        self.enabled = False


TRACING = Tracing()
"""The process's tracing: off unless set up."""


def set_up_tracing(
    service: str,
    endpoint: str | None,
    *,
    ratio: float = 1.0,
    exporter: "SpanExporter | None" = None,
    tracing: Tracing = TRACING,
) -> Tracing:
    """Turns tracing on when there is somewhere to send it: an OTLP endpoint or an exporter."""
    if endpoint is None and exporter is None:
        return tracing
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - costly, and rarely wanted
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter or _otlp(endpoint)))
    tracing.use(provider, ratio)
    return tracing


def _otlp(endpoint: str | None) -> "SpanExporter":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError:
        raise RuntimeError("sending traces needs the extra: pip install 'firmus[otel]'") from None
    exporter: SpanExporter = OTLPSpanExporter(endpoint=endpoint)
    return exporter


def traceparent_of(span: Any) -> str | None:
    """The W3C traceparent of a span; None when it is not sampled."""
    context = span.get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _context_of(traceparent: str | None) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415 - as above

    parts = (traceparent or "").split("-")
    if len(parts) < 4:
        return None
    try:
        context = SpanContext(
            trace_id=int(parts[1], 16),
            span_id=int(parts[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(parts[3], 16)),
        )
    except ValueError:
        return None
    return context if context.is_valid else None
