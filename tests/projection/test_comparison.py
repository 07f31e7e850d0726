"""What tells two read models from each other, and that nothing else is told."""

from hashlib import blake2b

import msgspec
import pytest

from firmus.ports import Comparison
from firmus.projection import comparison as comparison_module
from firmus.projection.comparison import Chunk, DifferentPositions, compare

IDS = [f"w{number:03}" for number in range(10)]


class Rows:
    """A snapshot of one table in memory."""

    def __init__(self, rows: dict[str, str], position: int = 1, table: str = "workflows") -> None:
        self._rows, self._position, self._table = rows, position, table

    def position(self) -> int:
        return self._position

    def rows(self, table: str, after: str, size: int) -> dict[str, str]:
        kept = sorted(self._rows) if table == self._table else []
        return {key: self._rows[key] for key in [it for it in kept if it > after][:size]}

    def chunk(self, table: str, after: str, size: int) -> Chunk:
        found = self.rows(table, after, size)
        digest = blake2b("\n".join(found.values()).encode()).digest()
        return Chunk(len(found), max(found, default=""), digest)

    def close(self) -> None: ...


def compared(live: dict[str, str], new: dict[str, str], **more: str) -> Comparison:
    steps = list(compare(Rows(live), Rows(new), **more))
    return steps[-1]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_module, "CHUNK_ROWS", 3)


def same(count: int = 10) -> dict[str, str]:
    return {key: f"row of {key}" for key in IDS[:count]}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 10])
def test_equal_models_are_the_same_at_any_size(count: int) -> None:
    workflows = compared(same(count), same(count)).tables[0]
    assert (workflows.rows, workflows.new_rows, workflows.different) == (count, count, 0)
    assert workflows.digest == workflows.new_digest


@pytest.mark.parametrize(
    ("live", "new", "first_ids"),
    [
        ({}, {"w004": "other"}, ["w004"]),
        ({"w000": None, "w009": None}, {}, ["w000", "w009"]),
        ({}, {"w003": None, "w004": None, "w005": None}, ["w003", "w004", "w005"]),
        (dict.fromkeys(IDS), {}, IDS),
        ({}, dict.fromkeys(IDS), IDS),
        ({"w001": None, "w007": "a"}, {"w001": "b", "w008": None}, ["w001", "w007", "w008"]),
        ({}, {"w0015": "between", "w999": "behind"}, ["w0015", "w999"]),
    ],
)
def test_each_row_that_differs_is_counted_once_and_named(
    live: dict[str, str | None], new: dict[str, str | None], first_ids: list[str]
) -> None:
    sides = [
        {key: text for key, text in (same() | changes).items() if text is not None}
        for changes in (live, new)
    ]
    workflows = compared(*sides).tables[0]
    assert list(workflows.first_ids) == first_ids
    assert workflows.different == len(first_ids)
    assert (workflows.rows, workflows.new_rows) == (len(sides[0]), len(sides[1]))
    assert workflows.digest != workflows.new_digest


def test_only_some_of_many_are_named() -> None:
    many = {f"x{number:03}": "" for number in range(100)}
    workflows = compared({}, many).tables[0]
    assert (workflows.different, len(workflows.first_ids)) == (100, comparison_module.FIRST_IDS)


def test_every_table_is_compared() -> None:
    for table in ("workflows", "tasks", "stopped"):
        *_, last = compare(Rows({"a": "1"}, table=table), Rows({"a": "2"}, table=table))
        assert [it.different for it in last.tables if it.table == table] == [1]
        assert last.different == 1


def test_the_way_there_is_told() -> None:
    rows = [step.rows for step in compare(Rows(same()), Rows(same()))]
    assert rows == sorted(rows)
    assert rows[-1] == 10
    assert len(rows) > 3


def test_models_of_different_positions_are_not_compared() -> None:
    with pytest.raises(DifferentPositions):
        next(compare(Rows({}, 1), Rows({}, 2)))


def test_a_comparison_is_told_over_the_wire() -> None:
    found = compared(same(), {}, expected="made by another build")
    again = msgspec.json.decode(msgspec.json.encode(found), type=Comparison)
    assert again == found
    assert again.different == len(IDS)
