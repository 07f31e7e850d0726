"""JSON values in protobuf's form and back."""

import math
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st

from firmus.rpc.values import DEPTH_MAX, thing_of, value_of
from firmus_contracts.errors import Refusal

THINGS = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(THINGS)
def test_a_value_comes_back_as_it_went_also_over_the_wire(thing: Any) -> None:
    assert thing_of(Value.FromString(value_of(thing).SerializeToString())) == thing


def test_whole_numbers_come_back_as_doubles() -> None:
    found = thing_of(value_of({"n": 3, "l": [1]}))
    assert found == {"n": 3.0, "l": [1.0]}
    assert isinstance(found["n"], float)


def test_a_number_beyond_the_doubles_precision_is_the_nearest_double() -> None:
    assert thing_of(value_of(2**53 + 1)) == float(2**53)


def test_a_value_that_says_nothing_is_null() -> None:
    assert thing_of(Value()) is None


def nested(levels: int) -> Any:
    thing: Any = 0.5
    for level in range(levels):
        thing = [thing] if level % 2 else {"a": thing}
    return thing


def test_what_nests_deeper_than_readers_follow_is_refused() -> None:
    deep = nested(DEPTH_MAX)
    assert thing_of(Value.FromString(value_of(deep).SerializeToString())) == deep
    with pytest.raises(Refusal, match="28 levels deep"):
        value_of(nested(DEPTH_MAX + 1))


def test_a_number_that_is_no_double_is_refused() -> None:
    with pytest.raises(Refusal, match="larger than any double"):
        value_of([10**400])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_refused(number: float) -> None:
    with pytest.raises(Refusal) as refused:
        thing_of(Value(number_value=number))
    assert refused.value.code == "INVALID"
