"""The filter of a benchmark's questions. No I/O here."""

from typing import Literal, NamedTuple

from evalboard.board.pairing import PairedAnswers
from evalboard.records.answers import Answers, text_column

Show = Literal["all", "right", "wrong", "differ"]

SHORTEST_HASH = 6
"""Minimum number of characters to search for a hash."""


class QuestionFilter(NamedTuple):
    """The choice of questions."""

    show: Show = "all"
    """Right and wrong are the first row's; `differ`: one row was right and another was not."""
    subject: str = ""
    search: str = ""
    """A number, the start of a hash, or a part of the subject, the choices or the answer. Case is
    ignored.
    """
    offset: int = 0
    limit: int = 20


def filter_questions(paired: PairedAnswers, chosen: QuestionFilter, *, texts: bool) -> list[int]:
    """Return all matching questions, without regard to offset and limit.

    Args:
        paired: The questions.
        chosen: The choice.
        texts: Whether a search includes choices and answers.
    """
    words = chosen.search.casefold().strip()
    said = searchable(paired.sides[0], texts=texts) if words else []

    def has_words(question: int) -> bool:
        if not words:
            return True
        at = paired.places[question][0]
        _, number, doc_hash = paired.sides[0].questions[at]
        is_hash = len(words) >= SHORTEST_HASH and doc_hash.startswith(words)
        return words == str(number) or is_hash or words in said[at]

    return [
        question
        for question in range(len(paired.places))
        if is_shown(paired, question, chosen.show)
        and (not chosen.subject or paired.subject(question) == chosen.subject)
        and has_words(question)
    ]


def count_shown(paired: PairedAnswers) -> dict[str, int]:
    """Return how many questions each `show` has; right and wrong are the first row's."""
    everything = range(len(paired.places))
    shows: tuple[Show, ...] = ("all", "right", "wrong", "differ")
    return {show: sum(is_shown(paired, q, show) for q in everything) for show in shows}


def is_shown(paired: PairedAnswers, question: int, show: Show) -> bool:
    """Return whether a question matches the choice."""
    verdicts = paired.verdicts(question)
    match show:
        case "right":
            return verdicts[0] is True
        case "wrong":
            return verdicts[0] is False
        case "differ":
            return True in verdicts and False in verdicts
        case _:
            return True


def searchable(answers: Answers, *, texts: bool) -> list[str]:
    """Return every question's searchable text in lower case.

    Args:
        answers: The answers of one row.
        texts: Whether the text includes choices and answers.
    """
    columns = [text_column(answers.table, "subject")]
    if texts:
        columns += [text_column(answers.table, name) for name in ("target", "answer", "output")]
        if "choices" in answers.table.column_names:
            choices = answers.table.column("choices").to_pylist()
            columns.append(["\n".join(filter(None, some or ())) for some in choices])
    return ["\n".join(cells).casefold() for cells in zip(*columns, strict=True)]
