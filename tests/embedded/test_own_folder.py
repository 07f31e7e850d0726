"""Processes that were told of one place have a folder each."""

from pathlib import Path

from firmus.embedded.own_folder import own_folder


async def test_each_has_its_own_and_a_free_one_is_taken_again(tmp_path: Path) -> None:
    place = tmp_path / "readmodel"
    async with own_folder(place) as first:
        async with own_folder(place, patience_s=0) as second:
            assert (first, second) == (place, tmp_path / "readmodel-2")
            async with own_folder(place, patience_s=0) as third:
                assert third == tmp_path / "readmodel-3"
        async with own_folder(place) as again:  # it is there: nobody waits for the first one
            assert again == second
    async with own_folder(place) as free:
        assert free == place
