"""Rows on their way: what has changed since the last write, once per workflow however often."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec

from firmus.ports import Stopped
from firmus.projection.choices import Choices, RegisteredDefinitions
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.port import Attributed, RowBatch
from firmus.projection.views import PLAIN_CLASSIFIER, classifier_of, task_row, workflow_row
from firmus.workflow.attributes import NONE, Attribute, Choice, attributes_of, choice_of
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.masking import EVERYTHING
from firmus.workflow.state import WorkflowState

KNOWN_MAX = 10_000
SLICE = 64
"""Workflows whose rows are made in one go; the loop gets its turn in between."""

_log = logging.getLogger(__name__)


class KnownDefinitions(RegisteredDefinitions, Protocol):
    """The part of `ports.DefinitionsPort` that is needed here."""

    async def pinned(self, sha256: str) -> Blueprint:
        """The snapshot stored under a hash. Raises KeyError when there is none."""
        ...


class Traits(msgspec.Struct, frozen=True):
    """What the projection needs of a definition: its classifier, its masked fields, and what it
    chooses for search.
    """

    classifier: str
    masked: frozenset[str]
    choice: Choice = NONE


class Classifiers:
    """The traits of a definition by its hash, the last few thousand kept; `choices` of those
    registered.
    """

    def __init__(self, definitions: KnownDefinitions) -> None:
        self._definitions = definitions
        self.choices = Choices(definitions)
        self._known: dict[str, Traits] = {}

    async def of(self, sha256: str) -> Traits:
        """Of a definition that is lost nobody knows what must be hidden: all of it is."""
        known = self._known.get(sha256)
        if known is None:
            try:
                blueprint = await self._definitions.pinned(sha256)
                definition = blueprint.definition
                choice = choice_of(definition.metadata, blueprint.masked)
                known = Traits(classifier_of(definition), blueprint.masked, choice)
            except KeyError:
                _log.error("the definition snapshot %s is not stored", sha256)
                known = Traits(PLAIN_CLASSIFIER, EVERYTHING)
            if len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[sha256] = known
        return known

    async def masked(self, hashes: Iterable[str]) -> dict[str, frozenset[str]]:
        """The masked fields of definitions."""
        return {sha256: (await self.of(sha256)).masked for sha256 in hashes}

    def attributes(self, state: WorkflowState, traits: Traits) -> tuple[Attribute, ...]:
        """By what an execution is found: as chosen by the registered definition of its name and
        version, which was learnt before, or else by its own. What either masks is left out.
        """
        found = self.choices.get(state.name, state.definition_version)
        if found is None:
            return attributes_of(traits.choice.attributes, state, traits.masked)
        masked = traits.masked
        if found.masked and masked is not EVERYTHING:
            masked |= found.masked
        return attributes_of(found.choice.attributes, state, masked)


class RowBuffer:
    """Collects states and touched rows; `take` empties it into one batch."""

    def __init__(self, classifiers: Classifiers) -> None:
        self._classifiers = classifiers
        self._changed: dict[str, tuple[WorkflowState, dict[int, int]]] = {}
        self._stopped: list[Stopped] = []
        self.commits = 0

    def __len__(self) -> int:
        return len(self._changed)

    def add(self, state: WorkflowState, touched: dict[int, int]) -> None:
        """`touched`: ordinals of task rows, with the version that changed them last."""
        earlier = self._changed.get(state.workflow_id)
        together = touched if earlier is None else earlier[1] | touched
        self._changed[state.workflow_id] = (state, together)
        self.commits += 1

    def stop(self, stopped: Stopped) -> None:
        self._stopped.append(stopped)
        self.commits += 1

    async def take(self, cursor: RowsCursor, events: EventsCursor | None) -> RowBatch:
        """The rows of all that was collected up to `cursor`. The buffer is empty at once."""
        changed, self._changed = self._changed, {}
        stopped, self._stopped = self._stopped, []
        self.commits = 0
        batch = RowBatch(stopped=stopped, cursor=cursor, events=events)
        await self._classifiers.choices.learn(
            {(state.name, state.definition_version) for state, _ in changed.values()}
        )
        for count, (state, touched) in enumerate(changed.values()):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            if state.removed_ms and not state.archived:
                batch.removed_workflows.append(state.workflow_id)
                continue
            traits = await self._classifiers.of(state.definition_hash)
            names = traits.masked
            attributes = self._classifiers.attributes(state, traits)
            batch.workflows.append(workflow_row(state, traits.classifier, names, attributes))
            if attributes:
                batch.attributes.append(
                    Attributed(state.workflow_id, state.version, state.name, attributes)
                )
            for ordinal, version in touched.items():
                row = state.tasks.get(ordinal)
                if row is None:
                    batch.removed_tasks.append(state.task_id(ordinal))
                else:
                    batch.tasks.append(task_row(state, row, version, names))
        return batch
