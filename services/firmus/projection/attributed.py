"""Search attributes on their way into a store: whose are written anew, and which kinds it holds."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TypeAlias

from firmus.projection.port import Attributed, RowBatch

Kind: TypeAlias = tuple[str, str, str]
"""The name of a workflow, that of an attribute, and what the definition calls it."""


class Kinds:
    """What a read model holds. `by_name` may be read from any thread: it is replaced as a whole.
    `kept` is how the store keeps a workflow's name.
    """

    def __init__(self, known: set[Kind], kept: Callable[[str], str] = str) -> None:
        self.known = known
        self._kept = kept
        self._types = {workflow_type for workflow_type, _, _ in known}
        found: defaultdict[str, set[str]] = defaultdict(set)
        for _, name, kind in known:
            found[name].add(kind)
        self.by_name = {name: frozenset(found[name]) for name in found}

    def rows(self, batch: RowBatch) -> list[Attributed]:
        """The executions whose attributes are written anew. Those that have none are among them
        when their workflow ever had attributes: they may have had some.
        """
        return [*batch.attributes, *(self._without(batch) if self._types else ())]

    def _without(self, batch: RowBatch) -> Iterator[Attributed]:
        having = {row.workflow_id for row in batch.attributes}
        for workflow_id, revision, workflow_type, *_ in batch.workflows:
            if workflow_id not in having and self._kept(str(workflow_type)) in self._types:
                yield Attributed(str(workflow_id), int(revision or 0), str(workflow_type), ())

    def new(self, rows: list[Attributed]) -> set[Kind]:
        """What rows bring that is not known."""
        kinds: set[Kind] = {
            (self._kept(row.workflow_type), it.name, it.kind)
            for row in rows
            for it in row.attributes
        }
        return kinds - self.known
