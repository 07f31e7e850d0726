"""A resolved definition prepared for deciding: every task by reference, and where it stands.

Built once per definition hash and shared by all its workflows.
"""

from functools import cached_property

import msgspec

from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A task of the definition and its place in the tree.

    `siblings` is the list that holds it, `index` its place there; `parent` is the reference of the
    operator that the list belongs to (None at the top).
    """

    task: WorkflowTask
    ref: str
    siblings: tuple[WorkflowTask, ...]
    index: int
    parent: str | None

    @property
    def task_def(self) -> TaskDef | None:
        return self.task.task_definition


class Blueprint:
    """The tree of one definition, indexed. `sha256` is the hash of the stored snapshot."""

    def __init__(self, definition: WorkflowDef, sha256: str) -> None:
        self.definition = definition
        self.sha256 = sha256
        self.nodes: dict[str, Node] = {}
        self.compiled: dict[str, object] = {}  # templates, by what they belong to
        self._json: dict[str, msgspec.Raw] = {}
        _index(self.nodes, definition.tasks, None)

    def node(self, ref: str) -> Node | None:
        return self.nodes.get(ref)

    def task_json(self, ref: str) -> msgspec.Raw:
        """The task's own JSON, encoded once (it rides on every task row that REST shows)."""
        found = self._json.get(ref)
        if found is None:
            found = self._json[ref] = msgspec.Raw(msgspec.json.encode(self.nodes[ref].task))
        return found

    @cached_property
    def attends(self) -> bool:
        """Whether a task of it has schemas to keep, a cache, or events of its own to send."""
        return any(
            node.task.cache_config is not None
            or bool(node.task.on_state_change)
            or (node.task_def is not None and node.task_def.enforce_schema)
            for node in self.nodes.values()
        )

    @cached_property
    def masked(self) -> frozenset[str]:
        """Names of the properties that nobody but workers may see."""
        return frozenset(self.definition.masked_fields)

    @cached_property
    def json(self) -> msgspec.Raw:
        """The definition's own JSON."""
        return msgspec.Raw(msgspec.json.encode(self.definition))


def child_lists(task: WorkflowTask) -> list[list[WorkflowTask]]:
    """The lists of tasks inside an operator: switch branches, fork branches, loop body, blocks."""
    lists = [*task.decision_cases.values(), task.default_case, *task.fork_tasks, task.loop_over]
    if task.try_tasks or task.catch_handlers or task.finally_tasks:
        handlers = (handler.tasks for handler in task.catch_handlers)
        lists += [task.try_tasks, *handlers, task.finally_tasks]
    return lists


def _index(nodes: dict[str, Node], tasks: list[WorkflowTask], parent: str | None) -> None:
    pending: list[tuple[list[WorkflowTask], str | None]] = [(tasks, parent)]
    while pending:
        siblings, owner = pending.pop()
        for index, task in enumerate(siblings):
            ref = task.task_reference_name or ""
            nodes[ref] = Node(
                task=task, ref=ref, siblings=tuple(siblings), index=index, parent=owner
            )
            pending.extend((inner, ref) for inner in child_lists(task) if inner)
