"""The answers of one row to one benchmark, question by question, as the results store keeps them."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.board.differences import Discordance
from evalboard.errors import RecordError
from leaderboard_app.stored_files import StoredFiles

Show = Literal["all", "right", "wrong", "differ"]
KEPT_FILES = 6
"""Files of answers that are kept in memory; of the largest benchmarks some 10 MB each."""
NEEDED = ("question_id", "doc_hash", "correct")


class Answers(NamedTuple):
    """The answers of one row to one benchmark."""

    table: pa.Table
    """As stored, in the order of the data set."""
    names: list[tuple[str, int, str]]
    """Of every question its subject (or an empty text), number and hash."""
    correct: list[bool | None]
    """None where one question's score is a fraction."""


class Joined(NamedTuple):
    """The questions that several rows were all asked."""

    sides: list[Answers]
    places: list[tuple[int, ...]]
    """Of every question its position in each row's answers, in the first one's order."""

    def verdicts(self, question: int) -> list[bool | None]:
        """Return by row whether it answered right."""
        places = self.places[question]
        return [side.correct[at] for side, at in zip(self.sides, places, strict=True)]

    def subject(self, question: int) -> str:
        """Return what a question is about; an empty text where that is not known."""
        return self.sides[0].names[self.places[question][0]][0]


def read_answers(files: StoredFiles, path: str) -> Answers:
    """Read a file of answers, and keep it in memory while it does not change.

    Raises:
        RecordError: It is no such file.
        StoreError: It cannot be read.
    """
    return _read(files, path, files.stamp(path))


@lru_cache(maxsize=KEPT_FILES)
def _read(files: StoredFiles, path: str, _stamp: str | None) -> Answers:
    try:
        table = pq.read_table(pa.BufferReader(files.read(path)))
    except pa.ArrowException as exc:
        raise RecordError(f"Answers {path!r} are not a Parquet file: {exc}.") from exc
    if missing := [name for name in NEEDED if name not in table.column_names]:
        raise RecordError(f"Answers {path!r} have no column {missing[0]!r}.")
    subjects = _texts(table, "subject")
    numbers = [int(number) for number in table.column("question_id").to_pylist()]
    names = list(zip(subjects, numbers, _texts(table, "doc_hash"), strict=True))
    return Answers(table, names, table.column("correct").to_pylist())


def join(sides: Sequence[Answers]) -> Joined:
    """Return the questions that all were asked: same subject, number and hash."""
    positions = [{name: at for at, name in enumerate(side.names)} for side in sides]
    places = [
        tuple(position[name] for position in positions)
        for name in sides[0].names
        if all(name in position for position in positions)
    ]
    return Joined(list(sides), places)


def counts(joined: Joined) -> dict[str, int]:
    """Return how many questions each `show` has; right and wrong are the first row's."""
    everything = range(len(joined.places))
    shows: tuple[Show, ...] = ("all", "right", "wrong", "differ")
    return {show: sum(is_shown(joined, q, show) for q in everything) for show in shows}


def is_shown(joined: Joined, question: int, show: Show) -> bool:
    """Say whether a question is one of those asked for."""
    verdicts = joined.verdicts(question)
    match show:
        case "right":
            return verdicts[0] is True
        case "wrong":
            return verdicts[0] is False
        case "differ":
            return True in verdicts and False in verdicts
        case _:
            return True


def per_subject(joined: Joined) -> list[dict[str, Any]]:
    """Return of every subject, by name, its questions and how many each row answered right."""
    named = sorted(range(len(joined.places)), key=joined.subject)
    subjects: list[dict[str, Any]] = []
    for subject, questions in groupby(named, key=joined.subject):
        verdicts = [joined.verdicts(question) for question in questions]
        right = [
            sum(verdict is True for verdict in column) for column in zip(*verdicts, strict=True)
        ]
        subjects.append({"subject": subject, "n": len(verdicts), "right": right})
    return subjects


def discordances(joined: Joined, other: int, *, by_subject: bool) -> list[Discordance]:
    """Return how a row's verdicts differ from the first one's.

    Empty where one question's score is a fraction, since then no answer is simply right.

    Args:
        joined: The questions.
        other: Which row, from 1.
        by_subject: Whether to count every subject by itself, as groups do.
    """
    cells: dict[str, list[int]] = {}
    for question in range(len(joined.places)):
        verdicts = joined.verdicts(question)
        first, second = verdicts[0], verdicts[other]
        if first is None or second is None:
            return []
        cell = cells.setdefault(joined.subject(question) if by_subject else "", [0, 0, 0])
        cell[0] += 1
        cell[1] += first and not second
        cell[2] += second and not first
    return [Discordance(*cell) for cell in cells.values()]


def probabilities(loglikelihoods: Sequence[float], choices: int) -> list[float]:
    """Return how a model spreads its probability over the choices of a question; they sum to 1.

    Args:
        loglikelihoods: Of the choices, natural logarithms; what follows them is left out.
        choices: How many choices there are; 0 gives an empty list.
    """
    known = [value for value in loglikelihoods[:choices] if value is not None]
    if not known or len(known) < choices or not all(map(math.isfinite, known)):
        return []
    highest = max(known)
    weights = [math.exp(value - highest) for value in known]
    return [weight / math.fsum(weights) for weight in weights]


def searchable(answers: Answers, *, texts: bool) -> list[str]:
    """Return of every question, in lower case, what a search looks through.

    Args:
        answers: Of one row.
        texts: Whether choices and answers belong to it, beside the subject.
    """
    columns = [_texts(answers.table, "subject")]
    if texts:
        columns += [_texts(answers.table, name) for name in ("target", "answer", "output")]
        if "choices" in answers.table.column_names:
            choices = answers.table.column("choices").to_pylist()
            columns.append(["\n".join(filter(None, some or ())) for some in choices])
    return ["\n".join(cells).casefold() for cells in zip(*columns, strict=True)]


def _texts(table: pa.Table, name: str) -> list[str]:
    if name not in table.column_names:
        return [""] * table.num_rows
    return [text or "" for text in table.column(name).to_pylist()]
