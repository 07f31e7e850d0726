"""Secrets: literal in every record, bound in what a worker or a script gets (spec 2.7, 12.8)."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from firmus.broker.rejections import MemoryRejections
from firmus.clock import FixedClock
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.memory import MemoryLog
from firmus.scheduler.child_requests import start_child
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.flow import START_MS, definition, op, simple, task_def

KEY, PAIR, OTHER, NONE = (f"${{workflow.secrets.{n}}}" for n in ("KEY", "PAIR", "OTHER", "NONE"))
SECRETS = {"KEY": "s3cret", "PAIR": '{"user": "ann", "pins": [1, 2]}', "OTHER": "0ther"}
WORKFLOW = ids.mint_workflow_id(START_MS, 9)
DYNAMIC = {"dynamicForkTasksParam": "ts", "dynamicForkTasksInputParamName": "ins"}


class Vault:
    """A decider that knows secrets, and one workflow that it runs."""

    def __init__(self) -> None:
        self.log, self.clock = MemoryLog(), FixedClock(START_MS)
        self.definitions = MemoryDefinitions(self.clock)
        self.javascript, self.jq = QuickJsScripts(threads=1), JqScripts(processes=1)
        self.decider = Decider(
            log=self.log,
            definitions=self.definitions,
            scripts=Evaluators(self.javascript, self.jq),
            clock=self.clock,
            rejections=MemoryRejections(),
            secrets=SECRETS,
            environment={"REGION": "eu", "KEY": "of the environment"},
        )

    async def start(
        self,
        *tasks: dict[str, Any],
        input: dict[str, Any],
        handed: tuple[str, ...] = (),
        **fields: Any,
    ) -> None:
        await self.definitions.put_workflow(definition(*tasks, **fields), overwrite=True)
        start = cmd.StartWorkflow(
            command_id="s", workflow_id=WORKFLOW, name="flow", input=input, secrets=handed
        )
        assert isinstance(await self.decider.submit(start), cmd.Accepted)

    async def polled(self, ref: str) -> dict[str, Any]:
        """The task as its worker gets it."""
        row = (await self.state()).task(ref)
        assert row is not None
        task_id = ids.task_id(WORKFLOW, row.ordinal)
        begin = cmd.BeginTask(command_id=f"b{ref}", workflow_id=WORKFLOW, task_id=task_id)
        answer = await self.decider.submit(begin)
        assert isinstance(answer, cmd.Accepted)
        task: dict[str, Any] = msgspec.json.decode(answer.result)
        return task

    async def state(self) -> WorkflowState:
        state = await self.decider.read(WORKFLOW)
        assert state is not None
        return state

    async def stored(self) -> str:
        """Everything that the log holds."""
        records = await self.log.read(WORKFLOW)
        return b"".join(msgspec.json.encode(record.commit) for record in records).decode()


@pytest.fixture
async def vault() -> AsyncIterator[Vault]:
    made = Vault()
    yield made
    made.javascript.close()
    await made.jq.close()


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        (KEY, "s3cret"),
        (f"Bearer {KEY}!", "Bearer s3cret!"),
        ({"deep": [KEY, {"k": KEY}]}, {"deep": ["s3cret", {"k": "s3cret"}]}),
        ("${workflow.secrets.PAIR.user}", "ann"),
        ("${workflow.secrets.PAIR.pins[1]}", 2),
        ("${workflow.secrets.KEY.user}", None),
        (NONE, None),
        (f"<{NONE}>", "<>"),
    ],
)
async def test_2_7_a_worker_gets_the_value_and_the_log_the_reference(
    vault: Vault, given: Any, bound: Any
) -> None:
    await vault.start(simple("a", inputParameters={"v": given}), input={})

    assert (await vault.polled("a"))["inputData"] == {"v": bound}
    assert "s3cret" not in await vault.stored()
    assert (await vault.state()).tasks[1].input == {"v": given}


async def test_2_7_data_that_looks_like_a_reference_reads_nothing_else(vault: Vault) -> None:
    named = simple("a", inputParameters={"k": KEY, "v": "${workflow.input.v}"})
    await vault.start(named, input={"v": OTHER})

    assert (await vault.polled("a"))["inputData"] == {"k": "s3cret", "v": OTHER}


async def test_2_7_a_template_of_a_task_definition_may_name_secrets(vault: Vault) -> None:
    await vault.start(simple("a", task_def=task_def("a", inputTemplate={"k": KEY})), input={})

    assert (await vault.polled("a"))["inputData"] == {"k": "s3cret"}


async def test_2_7_a_reference_in_a_variable_is_bound_where_the_variable_is_read(
    vault: Vault,
) -> None:
    reads = {"k": "${workflow.variables.k}", "first": "${workflow.variables.first}"}
    await vault.start(
        op("set", "SET_VARIABLE", {"k": f"x{KEY}"}),
        simple("a", inputParameters=reads),
        input={},
        variables={"first": OTHER},
    )

    assert (await vault.polled("a"))["inputData"] == {"k": "xs3cret", "first": "0ther"}
    assert (await vault.state()).variables == {"k": f"x{KEY}", "first": OTHER}


@pytest.mark.parametrize(
    ("inputs", "fields", "bound"),
    [
        ({"ins": {"b": {"k": KEY}}}, {}, "s3cret"),
        ({"ins": "${workflow.input.ins}"}, {"metadata": {"secrets": ["KEY"]}}, "s3cret"),
        ({"ins": "${workflow.input.ins}"}, {}, KEY),
        ({"ins": "${workflow.input.ins}"}, {"metadata": {"secrets": ["OTHER"]}}, KEY),
    ],
)
async def test_2_7_a_task_that_comes_as_data_gets_what_its_fork_names_or_the_definition_grants(
    vault: Vault, inputs: dict[str, Any], fields: dict[str, Any], bound: str
) -> None:
    branch = {"name": "b", "taskReferenceName": "b"}
    fork = op("f", "FORK_JOIN_DYNAMIC", {"ts": [branch], **inputs}, **DYNAMIC)
    await vault.start(fork, op("j", "JOIN"), input={"ins": {"b": {"k": KEY}}}, **fields)

    assert (await vault.polled("b"))["inputData"] == {"k": bound}
    assert "s3cret" not in await vault.stored()


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        ("INLINE", {"evaluatorType": "javascript", "expression": "$.k.length"}),
        ("INLINE", {"evaluatorType": "javascript", "expression": f"'{KEY}'.length"}),
        ("LAMBDA", {"scriptExpression": "return $.k.length"}),
        ("JSON_JQ_TRANSFORM", {"queryExpression": ".k | length"}),
    ],
)
async def test_12_8_a_script_sees_the_value_and_the_log_its_result(
    vault: Vault, kind: str, script: dict[str, str]
) -> None:
    await vault.start(op("i", kind, {**script, "k": KEY}), input={})

    state = await vault.state()
    assert (state.status, state.output["result"]) == ("COMPLETED", len("s3cret"))
    assert "s3cret" not in await vault.stored()


async def test_2_7_names_declared_by_a_task_definition_are_told_with_the_task(
    vault: Vault,
) -> None:
    declared = task_def("a", runtimeMetadata=["KEY", "REGION", "NONE"])
    await vault.start(simple("a", task_def=declared), input={})

    assert (await vault.polled("a"))["runtimeMetadata"] == {"KEY": "s3cret", "REGION": "eu"}
    assert "s3cret" not in await vault.stored()


CHILD = {"subWorkflowParam": {"name": "c", "version": 1}}


@pytest.mark.parametrize(
    ("inputs", "handed"),
    [({"k": KEY, "o": f"<{OTHER}>"}, ("KEY", "OTHER")), ({"k": 1}, ())],
)
@pytest.mark.parametrize("kind", ["SUB_WORKFLOW", "START_WORKFLOW"])
async def test_12_8_what_a_task_hands_on_to_a_workflow_is_told_with_it(
    vault: Vault, kind: str, inputs: dict[str, Any], handed: tuple[str, ...]
) -> None:
    given = inputs if kind == "SUB_WORKFLOW" else {"startWorkflow": {"name": "c", "input": inputs}}
    await vault.start(op("s", kind, given, **CHILD), input={"data": NONE})

    state = await vault.state()
    start = start_child(state, state.tasks[1])
    assert (start.input, start.secrets) == (inputs, handed)
    assert "s3cret" not in await vault.stored()


async def test_12_8_a_branch_hands_on_what_its_fork_names(vault: Vault) -> None:
    branch = {"name": "c", "taskReferenceName": "b", "type": "SUB_WORKFLOW", **CHILD}
    inputs = {"ts": [branch], "ins": {"b": {"k": KEY, "v": "${workflow.input.v}"}}}
    fork = op("f", "FORK_JOIN_DYNAMIC", inputs, **DYNAMIC)
    await vault.start(fork, op("j", "JOIN"), input={"v": OTHER})

    row = (await vault.state()).task("b")
    assert row is not None
    assert row.made.secrets == ("KEY",)


async def test_12_8_a_child_binds_what_was_handed_on_and_hands_it_on(vault: Vault) -> None:
    reads = {"k": "${workflow.input.k}", "o": "${workflow.input.o}"}
    tasks = [simple("a", inputParameters=reads), op("s", "SUB_WORKFLOW", reads, **CHILD)]
    await vault.start(*tasks, input={"k": KEY, "o": OTHER}, handed=("KEY",))

    assert (await vault.polled("a"))["inputData"] == {"k": "s3cret", "o": OTHER}
    done = {"workflow_id": WORKFLOW, "task_id": ids.task_id(WORKFLOW, 1)}
    await vault.decider.submit(cmd.UpdateTask(command_id="u", **done, status="COMPLETED"))
    grandchild = (await vault.state()).tasks[2]
    assert grandchild.made.secrets == ("KEY",)
