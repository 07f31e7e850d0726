"""How a rebuild is shown, and what the command makes of its end."""

import pytest

from firmus.console import readmodel
from firmus.console.outcome import CommandError
from firmus.console.readmodel import bar, compared, duration, watch
from firmus.ports import (
    Comparison,
    ReadModelStatus,
    RebuildProgress,
    StoredModel,
    TableComparison,
    Unavailable,
)

HALF = RebuildProgress(
    state="running", model=2, position=5_000, target=10_000, rate=2_500.0, left_s=2.0
)
DIFFERENT = TableComparison(table="tasks", rows=8, new_rows=9, different=1, first_ids=("t1",))


class Models:
    """Answers what it is given, one after the other, the last one for ever."""

    def __init__(self, *answers: ReadModelStatus | Unavailable) -> None:
        self._answers = list(answers)

    async def status(self) -> ReadModelStatus:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Unavailable):
            raise answer
        return answer


def status(rebuild: RebuildProgress | None, current: int = 1) -> ReadModelStatus:
    return ReadModelStatus(active=True, current=StoredModel(model=current), rebuild=rebuild)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readmodel, "LOOK_S", 0.0)
    monkeypatch.setattr(readmodel, "PATIENCE_S", 0.01)


def test_a_bar_fits_its_width_and_tells_rate_and_time_left() -> None:
    assert bar(HALF, 100) == (
        "reading [####################....................]  50%  5,000 of 10,000  2,500/s  2 s left"
    )
    assert bar(HALF, 60) == "reading [####....]  50%  5,000 of 10,000  2,500/s  2 s left"
    assert all(len(bar(HALF, width)) <= width for width in range(1, 120))
    assert "verifying  9 rows compared, 1 differ" in bar(
        RebuildProgress(
            state="running",
            model=2,
            phase="verifying",
            comparison=Comparison(position=1, tables=(DIFFERENT,)),
        ),
        80,
    )


def test_a_bar_of_an_empty_log_is_full() -> None:
    assert "100%" in bar(RebuildProgress(state="done", model=1), 80)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (185, "3:05 min"), (3723, "1:02:03 h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


async def test_it_is_watched_to_its_end_over_a_gap() -> None:
    done = RebuildProgress(state="done", model=2)
    shown: list[RebuildProgress] = []
    models = Models(status(HALF), Unavailable("away"), status(done, current=2))
    assert await watch(models, HALF, shown.append) == done  # type: ignore[arg-type]  # status is enough
    assert shown == [HALF, done]


@pytest.mark.parametrize(("current", "ends"), [(2, True), (1, False)])
@pytest.mark.parametrize("next_one", [None, RebuildProgress(state="running", model=3)])
async def test_of_one_that_the_projection_knows_no_more_the_model_in_use_tells(
    next_one: RebuildProgress | None, current: int, ends: bool
) -> None:
    models = Models(status(HALF), status(next_one, current=current))
    if ends:
        assert (await watch(models, HALF, lambda _: None)).state == "done"  # type: ignore[arg-type]  # as above
    else:
        with pytest.raises(CommandError, match="cut off"):
            await watch(models, HALF, lambda _: None)  # type: ignore[arg-type]  # as above


async def test_without_any_projection_it_gives_up() -> None:
    with pytest.raises(CommandError, match="away"):
        await watch(Models(Unavailable("away")), HALF, lambda _: None)  # type: ignore[arg-type]  # as above


def test_differences_are_told_with_ids() -> None:
    text = compared(Comparison(position=7, tables=(DIFFERENT,)))
    assert "tasks: 9 rows (were 8), 1 DIFFER: t1" in text
    same = TableComparison(table="tasks", rows=8, new_rows=8, digest="ab", new_digest="ab")
    assert "the same (ab)" in compared(Comparison(position=7, tables=(same,)))
