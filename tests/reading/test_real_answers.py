"""The reader on real answers, which are in the folder EVALBOARD_DATASETS if anywhere."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from evalboard.reading.answers import State, Unread
from evalboard.reading.reader import read

NO_TEXTS = tuple(f"choice {n}" for n in range(1, 6))
"""The Korean questions come without the texts of their five choices."""
END = "</think>"


class Real(NamedTuple):
    """A real answer, and what its source read."""

    answer: Unread
    theirs: str


@pytest.fixture(scope="module")
def real(real_datasets: Path) -> list[Real]:
    file = real_datasets / "_model_outputs/default/answers.parquet"
    if not file.exists():
        pytest.skip("needs the real answers of models")
    return list(_answers(pq.read_table(file).to_pylist()))


def is_held_out(text: str) -> bool:
    """Return whether an answer is in the half that nobody looked at while the rules were made."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def _answers(rows: list[dict[str, Any]]) -> Iterator[Real]:
    for row in rows:
        options = json.loads(row["options"]) if row["options"] else {}
        choices = tuple(options[letter] for letter in sorted(options)) or NO_TEXTS
        yield Real(Unread(row["text"], choices), row["theirs"])


def test_answers_are_read_as_their_sources_read_them(real: list[Real]) -> None:
    asked = [one for one in real if one.theirs]  # their prompt named the last line
    readings = [read(one.answer) for one in asked]
    ended = [r for r in readings if r.state not in (State.EMPTY, State.UNFINISHED)]
    same = sum(r.letter == one.theirs for r, one in zip(readings, asked, strict=True) if r.letter)
    assert len(ended) > 400
    assert sum(r.letter is not None for r in ended) >= 0.99 * len(ended)
    assert same >= 0.99 * len(ended)


def test_the_held_out_half_is_read_as_its_source_reads_it(real: list[Real]) -> None:
    """The goal: at most 1 % are not read though the last line was asked for, and 99 % agree.

    An answer without any text after its thinking says nothing that could be read.
    """
    asked = [one for one in real if one.theirs and is_held_out(one.answer.text)]
    readings = [read(one.answer) for one in asked]
    silent = sum(r.state in (State.EMPTY, State.UNFINISHED) for r in readings)
    letters = [(r.letter, one.theirs) for r, one in zip(readings, asked, strict=True) if r.letter]
    assert len(asked) == 246
    assert silent <= 3
    assert len(asked) - silent - len(letters) <= 0.01 * len(asked)
    assert sum(ours == theirs for ours, theirs in letters) >= 0.99 * len(letters)


def test_nearly_all_free_answers_are_read(real: list[Real]) -> None:
    readings = [read(one.answer) for one in real if not one.theirs]
    assert len(readings) > 900
    assert sum(r.letter is not None for r in readings) >= 0.97 * len(readings)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 0.99])
def test_no_cut_thinking_is_read(real: list[Real], share: float) -> None:
    traces = [one.answer for one in real if END in one.answer.text]
    assert len(traces) > 400
    for answer in traces:
        thought = answer.text.partition(END)[0]
        cut = thought[: int(len(thought) * share)]
        assert read(answer._replace(text=cut)).letter is None
        bare = cut.removeprefix("<think>")
        assert read(answer._replace(text=bare, thinking_opened=True)).letter is None
