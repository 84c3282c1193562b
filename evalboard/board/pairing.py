"""The answers of several models to the same questions, paired question by question."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from evalboard.board.differences import Discordance
from evalboard.records.answers import Answers


class PairedAnswers(NamedTuple):
    """The questions that several models were all asked."""

    sides: list[Answers]
    """One per model."""
    places: list[tuple[int, ...]]
    """Of every question its position in each model's answers, in the first one's order."""

    def verdicts(self, question: int) -> list[bool | None]:
        """Return by model whether it answered right."""
        places = self.places[question]
        return [side.correct[at] for side, at in zip(self.sides, places, strict=True)]

    def subject(self, question: int) -> str:
        """Return what a question is about; an empty text where that is not known."""
        return self.sides[0].questions[self.places[question][0]][0]


class SubjectCount(NamedTuple):
    """The questions of one subject."""

    subject: str
    n: int
    right: list[int]
    """How many each model answered right."""
    alone: list[tuple[int, int]]
    """For each model, how many only the first one answered right, and how many only this one."""


def pair(sides: Sequence[Answers]) -> PairedAnswers:
    """Return the questions that all models were asked: same subject, number and hash."""
    positions = [{name: at for at, name in enumerate(side.questions)} for side in sides]
    places = [
        tuple(position[name] for position in positions)
        for name in sides[0].questions
        if all(name in position for position in positions)
    ]
    return PairedAnswers(list(sides), places)


def count_subjects(paired: PairedAnswers) -> list[SubjectCount]:
    """Return the count of every subject, by name."""
    named = sorted(range(len(paired.places)), key=paired.subject)
    counts: list[SubjectCount] = []
    for subject, questions in groupby(named, key=paired.subject):
        verdicts = [paired.verdicts(question) for question in questions]
        right = [
            sum(verdict is True for verdict in column) for column in zip(*verdicts, strict=True)
        ]
        alone = [
            (
                sum(v[0] is True and v[side] is False for v in verdicts),
                sum(v[0] is False and v[side] is True for v in verdicts),
            )
            for side in range(len(paired.sides))
        ]
        counts.append(SubjectCount(subject, len(verdicts), right, alone))
    return counts


def discordances(paired: PairedAnswers, other: int, *, by_subject: bool) -> list[Discordance]:
    """Return how a model's verdicts differ from the first one's.

    Empty where one question's score is a fraction, since then no answer is simply right.

    Args:
        paired: The questions.
        other: Which model, from 1.
        by_subject: Whether to count every subject by itself, as groups do.
    """
    cells: dict[str, list[int]] = {}
    for question in range(len(paired.places)):
        verdicts = paired.verdicts(question)
        first, second = verdicts[0], verdicts[other]
        if first is None or second is None:
            return []
        cell = cells.setdefault(paired.subject(question) if by_subject else "", [0, 0, 0])
        cell[0] += 1
        cell[1] += first and not second
        cell[2] += second and not first
    return [Discordance(*cell) for cell in cells.values()]
