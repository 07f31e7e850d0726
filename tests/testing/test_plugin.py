"""The fixtures that pytest finds when firmus is installed."""

import tomllib
from collections.abc import Callable

import pytest

from tests.architecture.snippets import blocks_of
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "testing-workflows.md").read_text(encoding="utf-8")
Play = Callable[..., pytest.RunResult]


@pytest.fixture
def play(pytester: pytest.Pytester) -> Play:
    """Runs pytest with the plugin, whether or not the installation names it."""

    def run(*arguments: str) -> pytest.RunResult:
        plugin = ("-p", "no:firmus", "-p", "firmus.pytest_plugin", "-p", "no:cacheprovider")
        scope = "asyncio_default_fixture_loop_scope=function"
        return pytester.runpytest_inprocess(*plugin, "-o", scope, *arguments)

    return run


def test_the_plugin_is_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"firmus": "firmus.pytest_plugin"}


def test_the_documented_example_passes(pytester: pytest.Pytester, play: Play) -> None:
    for block in blocks_of(PAGE):
        assert block.how == "file"
        (pytester.path / block.name).write_text(block.code)
    play("-q").assert_outcomes(passed=3)


def test_a_blocked_workflow_fails_its_test_with_the_reason(
    pytester: pytest.Pytester, play: Play
) -> None:
    pytester.makepyfile(
        """
        TASK = {"name": "charge", "taskReferenceName": "charge"}

        def test_it(firmus_workflows):
            firmus_workflows.run({"name": "w", "version": 1, "tasks": [TASK]})
        """
    )
    result = play("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*w is RUNNING and nothing moves it any more:", '*tasks={"charge": …}*run.complete*']
    )


def test_it_plays_inside_of_asyncio_too(pytester: pytest.Pytester, play: Play) -> None:
    pytester.makepyfile(
        """
        SCRIPT = {"evaluatorType": "javascript", "expression": "$.n * 2", "n": 21}
        INLINE = {"name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": SCRIPT}

        async def test_it(firmus_workflows):
            run = firmus_workflows.run({"name": "w", "version": 1, "tasks": [INLINE]})
            assert run.output == {"result": 42}
        """
    )
    play("-q", "-o", "asyncio_mode=auto").assert_outcomes(passed=1)
