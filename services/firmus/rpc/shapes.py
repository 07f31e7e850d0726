"""Where messages and Conductor's JSON differ: names, lists in lists, and what stands for absent."""

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

MODEL = "conductor.proto."
VALUE = "google.protobuf.Value"
ANY = "google.protobuf.Any"
LISTS = {f"{MODEL}WorkflowTask.WorkflowTaskList": "tasks"}
"""Messages that stand for a list within a list or a map, and the field that holds it."""

_LOWER_CASE = frozenset({f"{MODEL}EventHandler.Action.Type"})
_ACTION = f"{MODEL}EventHandler.Action"
_KEYS = {f"{_ACTION}.expand_inline_json": "expandInlineJSON", f"{_ACTION}.action": "action"}

_UNSAID = {
    f"{MODEL}WorkflowTask.retry_count": -1,
    f"{MODEL}StartWorkflowRequest.version": 0,
    f"{MODEL}SubWorkflowParams.version": 0,
    f"{MODEL}WorkflowDef.failure_workflow_version": 0,
    f"{MODEL}EventHandler.StartWorkflow.version": 0,
    f"{MODEL}EventHandler.StartAgent.version": 0,
}


def key_of(field: FieldDescriptor) -> str:
    """The property that a field is in JSON."""
    holder = field.containing_type
    if holder is not None and holder.full_name == _ACTION:
        return _KEYS.get(field.full_name, field.name)
    return field.json_name


def unsaid(field: FieldDescriptor) -> int | None:
    """The number by which a field says that nothing was said; None when there is none."""
    return _UNSAID.get(field.full_name)


def is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry


def entry_value(field: FieldDescriptor) -> FieldDescriptor:
    """What the values of a map are."""
    assert field.message_type is not None
    return field.message_type.fields_by_name["value"]


def texts_of(enum: EnumDescriptor) -> dict[int, str]:
    """The text of each value of an enumeration, as JSON has it."""
    lower = enum.full_name in _LOWER_CASE
    return {each.number: each.name.lower() if lower else each.name for each in enum.values}


def fields_of(kind: Descriptor) -> list[FieldDescriptor]:
    return list(kind.fields)
