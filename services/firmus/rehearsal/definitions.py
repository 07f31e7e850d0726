"""The definition that a start runs, made as for a real start (spec 3.1) but stored nowhere."""

import asyncio
import hashlib

import msgspec

from firmus.decider.surroundings import unknown
from firmus.definitions.children import refuse_child
from firmus.definitions.snapshot import resolve
from firmus.ports import DefinitionsPort
from firmus.workflow.blueprint import Blueprint, child_lists
from firmus_contracts import commands as cmd
from firmus_contracts.bodies import decode_workflow_def
from firmus_contracts.definitions import WORKFLOW_DEF_DECODER, WorkflowDef, WorkflowTask
from firmus_contracts.errors import Refusal


async def blueprint_of(
    start: cmd.StartWorkflow, definitions: DefinitionsPort
) -> Blueprint | cmd.Rejected:
    """What the start runs, or why it cannot."""
    try:
        if bytes(start.definition):
            definition = decode_workflow_def(bytes(start.definition))
            if start.parent_task_id is not None:
                refuse_child(definition)
            return await _resolved(definition, definitions)
        found = await definitions.workflow(start.name, start.version)
        if found is not None:
            return await _resolved(found, definitions)
    except Refusal as refusal:
        return cmd.Rejected(code=refusal.code, message=refusal.message)
    return unknown(start)


async def _resolved(definition: WorkflowDef, definitions: DefinitionsPort) -> Blueprint:
    tasks = _all_tasks(definition)
    names = sorted({task.name for task in tasks if task.name})
    # Asked at once, they share one look at how new the definitions are.
    task_defs = await asyncio.gather(*(definitions.task(name) for name in names))
    children = sorted(
        {
            params.name
            for task in tasks
            if (params := task.sub_workflow_param) and params.name and params.version is None
        }
    )
    found = await asyncio.gather(*(definitions.workflow(name) for name in children))
    known = dict(zip(names, task_defs, strict=True))
    versions = {one.name: one.version for one in found if one is not None}
    return made_of(resolve(definition, known.get, versions.get))


def made_of(resolved: WorkflowDef) -> Blueprint:
    """Decoded from its bytes, as every start reads it."""
    data = msgspec.json.encode(resolved)
    return Blueprint(WORKFLOW_DEF_DECODER.decode(data), hashlib.sha256(data).hexdigest())


def _all_tasks(definition: WorkflowDef) -> list[WorkflowTask]:
    found: list[WorkflowTask] = []
    pending = list(definition.tasks)
    while pending:
        task = pending.pop()
        found.append(task)
        for inner in child_lists(task):
            pending.extend(inner)
    return found
