"""Definitions to register, written as users write them."""

import msgspec

from firmus_contracts.definitions import TaskDef, WorkflowDef


def workflow(name="order_flow", version=1, tasks=None, **fields) -> WorkflowDef:
    body = {"name": name, "version": version, "tasks": tasks or [simple("pack")], **fields}
    return msgspec.convert(body, WorkflowDef)


def simple(name, ref=None, **fields) -> dict:
    return {"name": name, "taskReferenceName": ref or name, "type": "SIMPLE", **fields}


def sub_workflow(ref, **params) -> dict:
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "SUB_WORKFLOW",
        "subWorkflowParam": params,
    }


def task(name="pack", **fields) -> TaskDef:
    return msgspec.convert({"name": name, **fields}, TaskDef)
