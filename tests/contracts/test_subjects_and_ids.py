"""Names become subject tokens and back; ids lead from tasks to workflows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmus_contracts import ids, subjects

HOSTILE = [
    "",
    "%",
    "%25",
    "a.b",
    "*",
    ">",
    "order flow",
    "tab\tnew\nline",
    "nul\x00",
    "ünïcödé",
    "日本",
    "\ud800",
    "${workflow.input.x}",
    "a" * 300,
    "..",
    "$SYS.REQ",
]
TOKEN = re.compile(r"[A-Za-z0-9_%-]+")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_token_and_comes_back(name: str) -> None:
    written = subjects.token(name)
    assert TOKEN.fullmatch(written)
    assert subjects.untoken(written) == name


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_name_is_one_token_and_comes_back(name: str) -> None:
    written = subjects.token(name)
    assert TOKEN.fullmatch(written)
    assert subjects.untoken(written) == name


@given(st.lists(st.text(max_size=10), min_size=2, max_size=2, unique=True))
def test_different_names_never_share_a_token(names: list[str]) -> None:
    assert subjects.token(names[0]) != subjects.token(names[1])


@pytest.mark.parametrize("name", ["order_flow", "Order-Flow2", "a"])
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert subjects.token(name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_keeps_the_number_of_tokens_of_every_subject(name: str) -> None:
    workflow_id = ids.mint_workflow_id(1, 2)
    assert subjects.workflow_event_subject("failed", name, workflow_id).count(".") == 3
    assert subjects.task_event_subject("failed", name, workflow_id, name).count(".") == 4
    assert subjects.start_subject(name).count(".") == 2
    assert subjects.dead_letter_subject(name).count(".") == 2
    assert subjects.ready_subject(name, name).count(".") == 3
    assert subjects.poll_subject(name).count(".") == 2


def test_no_domain_and_an_empty_domain_are_one_subject() -> None:
    assert subjects.ready_subject(None, "a") == subjects.ready_subject("", "a")


TIMES = st.integers(0, (1 << 48) - 1)
BITS = st.integers(0, (1 << 64) - 1)


@given(TIMES, BITS, st.integers(1, ids.ORDINAL_MAX))
def test_a_task_id_names_its_workflow_its_ordinal_its_time_and_its_shard(
    now_ms: int, bits: int, ordinal: int
) -> None:
    workflow_id = ids.mint_workflow_id(now_ms, bits)
    task_id = ids.task_id(workflow_id, ordinal)
    assert ids.is_workflow_id(workflow_id)
    assert ids.is_task_id(task_id)
    assert ids.workflow_of(task_id) == workflow_id
    assert ids.ordinal_of(task_id) == ordinal
    assert ids.born_ms(task_id) == now_ms
    assert ids.shard_of(task_id, 16) == ids.shard_of(workflow_id, 16)


@given(TIMES, st.lists(st.integers(0, (1 << 50) - 1), min_size=2, max_size=2, unique=True))
def test_fifty_random_bits_tell_workflows_of_one_millisecond_apart(
    now_ms: int, bits: list[int]
) -> None:
    first, second = (ids.mint_workflow_id(now_ms, number) for number in bits)
    assert first != second


def test_a_derived_id_depends_on_all_its_parts_and_on_where_they_end() -> None:
    assert ids.derived_workflow_id(5, "a", "b") == ids.derived_workflow_id(5, "a", "b")
    assert ids.derived_workflow_id(5, "a", "b") != ids.derived_workflow_id(5, "ab")
    assert ids.derived_workflow_id(5, "a", "b") != ids.derived_workflow_id(6, "a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "01890A5D-AC96-8ABC-9DEF-0123AB000000",
        "01890a5d-ac96-4abc-9def-0123ab000000",
        "01890a5d-ac96-8abc-cdef-0123ab000000",
        "01890a5d-ac96-8abc-9def-0123ab000000\n",
        "01890a5d.ac96.8abc.9def.0123ab000000",
    ],
)
def test_what_was_never_minted_is_no_id(text: str) -> None:
    assert not ids.is_workflow_id(text)
    assert not ids.is_task_id(text)
