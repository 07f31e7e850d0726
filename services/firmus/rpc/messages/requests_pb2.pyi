from firmus.rpc.messages import definitions_pb2 as _definitions_pb2
from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StartWorkflowRequest(_message.Message):
    __slots__ = ("name", "version", "correlation_id", "input", "task_to_domain", "workflow_def", "external_input_payload_storage_path", "priority", "created_by")
    class InputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class TaskToDomainEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_TO_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_DEF_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_INPUT_PAYLOAD_STORAGE_PATH_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    correlation_id: str
    input: _containers.MessageMap[str, _struct_pb2.Value]
    task_to_domain: _containers.ScalarMap[str, str]
    workflow_def: _definitions_pb2.WorkflowDef
    external_input_payload_storage_path: str
    priority: int
    created_by: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., correlation_id: _Optional[str] = ..., input: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., task_to_domain: _Optional[_Mapping[str, str]] = ..., workflow_def: _Optional[_Union[_definitions_pb2.WorkflowDef, _Mapping]] = ..., external_input_payload_storage_path: _Optional[str] = ..., priority: _Optional[int] = ..., created_by: _Optional[str] = ...) -> None: ...

class RerunWorkflowRequest(_message.Message):
    __slots__ = ("re_run_from_workflow_id", "workflow_input", "re_run_from_task_id", "task_input", "correlation_id")
    class WorkflowInputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class TaskInputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    RE_RUN_FROM_WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_INPUT_FIELD_NUMBER: _ClassVar[int]
    RE_RUN_FROM_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_INPUT_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    re_run_from_workflow_id: str
    workflow_input: _containers.MessageMap[str, _struct_pb2.Value]
    re_run_from_task_id: str
    task_input: _containers.MessageMap[str, _struct_pb2.Value]
    correlation_id: str
    def __init__(self, re_run_from_workflow_id: _Optional[str] = ..., workflow_input: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., re_run_from_task_id: _Optional[str] = ..., task_input: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class SkipTaskRequest(_message.Message):
    __slots__ = ("task_input", "task_output", "task_input_message", "task_output_message")
    class TaskInputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class TaskOutputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    TASK_INPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_INPUT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TASK_OUTPUT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    task_input: _containers.MessageMap[str, _struct_pb2.Value]
    task_output: _containers.MessageMap[str, _struct_pb2.Value]
    task_input_message: _any_pb2.Any
    task_output_message: _any_pb2.Any
    def __init__(self, task_input: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., task_output: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., task_input_message: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., task_output_message: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...

class UpgradeWorkflowRequest(_message.Message):
    __slots__ = ("name", "version", "workflow_input", "task_output")
    class WorkflowInputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class TaskOutputEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_INPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workflow_input: _containers.MessageMap[str, _struct_pb2.Value]
    task_output: _containers.MessageMap[str, _struct_pb2.Value]
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workflow_input: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., task_output: _Optional[_Mapping[str, _struct_pb2.Value]] = ...) -> None: ...
