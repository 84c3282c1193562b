"""Lines that several processes add to a file, and a file that was damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.stores.lines import add_lines, read_lines, replace_lines
from tests.damage import DAMAGES

VALUES = [["a", None], {"b": [0.1, "é\n"]}, 3]


def test_what_was_added_is_read(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lines"
    assert list(read_lines(file)) == []
    add_lines(file, VALUES[:1])
    add_lines(file, VALUES[1:])
    assert list(read_lines(file)) == VALUES
    replace_lines(file, VALUES[:2])
    assert list(read_lines(file)) == VALUES[:2]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_only_good_lines_of_a_damaged_file_are_read(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "lines"
    add_lines(file, VALUES)
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    found = list(read_lines(file))
    assert all(value in VALUES for value in found)
    assert list(read_lines(file)) == found
    add_lines(file, ["next"])
    assert list(read_lines(file)) == [*found, "next"]
    aside = [other.read_bytes() for other in tmp_path.glob("lines.torn-*")]
    assert aside == ([damaged] if damaged and len(found) < 4 else [])


def test_a_changed_digit_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    add_lines(file, VALUES)
    file.write_bytes(file.read_bytes().replace(b"0.1", b"0.2"))
    assert list(read_lines(file)) == [VALUES[0], VALUES[2]]


def test_a_line_that_was_cut_costs_the_next_one_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    add_lines(file, VALUES)
    file.write_bytes(file.read_bytes()[:-3])
    add_lines(file, ["next", "last"])
    assert list(read_lines(file)) == [*VALUES[:2], "last"]
