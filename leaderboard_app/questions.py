"""The questions of a benchmark with the answers of one row, or of several beside each other."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.board.differences import paired_difference
from evalboard.board.statistics import wilson_interval
from evalboard.errors import EvalboardError
from evalboard.suites.model import Benchmark
from leaderboard_app.prompts import AskedQuestion, Prompt, find_prompts
from leaderboard_app.provenance import find_answers, read_documents
from leaderboard_app.references import reference_of
from leaderboard_app.stored_answers import (
    Joined,
    Show,
    counts,
    discordances,
    is_shown,
    join,
    per_subject,
    probabilities,
    read_answers,
    searchable,
)
from leaderboard_app.stored_files import StoredFiles

MOST_QUESTIONS = 100
"""In one answer."""
MOST_MODELS = 6
LONGEST_OUTPUT = 20_000
"""Characters of a generated text that are sent."""

SHORTEST_HASH = 6
"""Characters of a hash that a search must have."""

Row = dict[str, Any]


class Wanted(NamedTuple):
    """Which questions are asked for."""

    show: Show = "all"
    """Right and wrong are the first row's; `differ`: one row was right and another was not."""
    subject: str = ""
    search: str = ""
    """The number, how the hash begins, or a part of the subject, the choices or the answer; case does
    not matter."""
    offset: int = 0
    limit: int = 20


class Source(NamedTuple):
    """Where answers and questions are read from."""

    files: StoredFiles
    """The results store."""
    suite: str
    mirror: Path | None
    """Folder with data sets."""


def questions_document(
    source: Source, benchmark: Benchmark, rows: Sequence[Row], wanted: Wanted
) -> dict[str, Any]:
    """Return the questions asked for, and how the rows did on all of them.

    `stored` is false, and nothing more is told, when the answers of one of the rows are not in the
    results store. `counts`, `subjects` and `differences` are over every question that all rows were
    asked; `total` is the number of those that fit what is wanted. Of a benchmark whose questions
    may not be shown, a question is its number, hash and subject, and whether each row was right.

    Raises:
        EvalboardError: The results store, or a file in it, cannot be read.
    """
    named = {
        "benchmark": benchmark.key,
        "title": benchmark.title,
        "models": [reference_of(row) for row in rows],
    }
    paths = [find_answers(source.files, row, source.suite, benchmark.key) for row in rows]
    found = [path for path in paths if path is not None]
    if not rows or len(found) < len(rows):
        return named | {"stored": False}
    joined = join([read_answers(source.files, path) for path in found])
    fitting = _fitting(joined, wanted, texts=benchmark.show_questions)
    page = fitting[wanted.offset : wanted.offset + wanted.limit]
    return named | {
        "stored": True,
        "shown": benchmark.show_questions,
        "counts": counts(joined),
        "subjects": _subjects(joined, benchmark),
        "differences": _differences(joined, benchmark, rows),
        "total": len(fitting),
        "offset": wanted.offset,
        "questions": _describe(source, benchmark, rows[0], joined, page),
    }


def _fitting(joined: Joined, wanted: Wanted, *, texts: bool) -> list[int]:
    words = wanted.search.casefold().strip()
    said = searchable(joined.sides[0], texts=texts) if words else []

    def has_words(question: int) -> bool:
        if not words:
            return True
        at = joined.places[question][0]
        _, number, doc_hash = joined.sides[0].names[at]
        is_hash = len(words) >= SHORTEST_HASH and doc_hash.startswith(words)
        return words == str(number) or is_hash or words in said[at]

    return [
        question
        for question in range(len(joined.places))
        if is_shown(joined, question, wanted.show)
        and (not wanted.subject or joined.subject(question) == wanted.subject)
        and has_words(question)
    ]


def _describe(
    source: Source, benchmark: Benchmark, row: Row, joined: Joined, page: Sequence[int]
) -> list[dict[str, Any]]:
    described = [_question(joined, question) for question in page]
    if not benchmark.show_questions:
        return described
    prompts = _prompts(source, benchmark, row, described)
    for question, document, prompt in zip(page, described, prompts, strict=True):
        stored = _stored(joined, question, 0)
        document["target"] = stored.get("target")
        document["choices"] = stored.get("choices") or []
        document["prompt"] = prompt._asdict() if prompt else None
        sides = range(len(joined.sides))
        document["answers"] = [_answer(_stored(joined, question, side)) for side in sides]
    return described


def _question(joined: Joined, question: int) -> dict[str, Any]:
    subject, number, doc_hash = joined.sides[0].names[joined.places[question][0]]
    return {
        "id": number,
        "hash": doc_hash,
        "subject": subject,
        "correct": joined.verdicts(question),
    }


def _answer(stored: dict[str, Any]) -> dict[str, Any]:
    found = stored.get("loglikelihoods") or []
    # JSON has no infinite numbers.
    loglikelihoods = [v if v is not None and math.isfinite(v) else None for v in found]
    output = stored.get("output")
    return {
        "answer": stored.get("answer"),
        "loglikelihoods": loglikelihoods,
        "probabilities": probabilities(found, len(stored.get("choices") or ())),
        "is_greedy": stored.get("is_greedy") or [],
        "output": output[:LONGEST_OUTPUT] if output else output,
        "extracted": stored.get("extracted"),
    }


def _stored(joined: Joined, question: int, side: int) -> dict[str, Any]:
    (stored,) = joined.sides[side].table.slice(joined.places[question][side], 1).to_pylist()
    return stored


def _subjects(joined: Joined, benchmark: Benchmark) -> list[dict[str, Any]]:
    """Return the share of right answers by subject; nothing where answers are not right or wrong."""
    if any(None in side.correct for side in joined.sides):
        return []
    titles = {subject.key: subject.title for subject in benchmark.subjects}
    return [
        {
            "key": counted["subject"],
            "title": titles.get(counted["subject"], counted["subject"]),
            "n": counted["n"],
            "scores": [_share(right, counted["n"]) for right in counted["right"]],
        }
        for counted in per_subject(joined)
        if counted["subject"]
    ]


def _share(right: int, n: int) -> dict[str, Any]:
    return {"score": right / n, **wilson_interval(right / n, n)._asdict()}


def _differences(
    joined: Joined, benchmark: Benchmark, rows: Sequence[Row]
) -> list[dict[str, Any] | None]:
    """Return each row's difference to the first, None where it is not that of their scores.

    That is the first row itself, answers that are not simply right or wrong, and rows that were not
    scored on just these questions.
    """
    asked = len(joined.places)
    differences: list[dict[str, Any] | None] = [None]
    for other in range(1, len(joined.sides)):
        same = all(rows[side].get(f"{benchmark.key}__n") == asked for side in (0, other))
        cells = discordances(joined, other, by_subject=bool(benchmark.tasks)) if same else []
        known = {**paired_difference(cells)._asdict(), "paired": True} if cells else None
        differences.append(known)
    return differences


def _prompts(
    source: Source, benchmark: Benchmark, row: Row, described: Sequence[dict[str, Any]]
) -> list[Prompt | None]:
    if source.mirror is None:
        return [None] * len(described)
    configs = _definitions(source, benchmark, row)
    prompts: list[Prompt | None] = []
    for question in described:
        task = question["subject"] if benchmark.tasks else benchmark.task_name
        asked = [AskedQuestion(question["id"], question["hash"])]
        prompts += find_prompts(source.mirror, configs.get(task, {}), asked)
    return prompts


def _definitions(source: Source, benchmark: Benchmark, row: Row) -> dict[str, dict[str, Any]]:
    """Return the definitions of a benchmark's tasks as the newest document with it has them."""
    wanted = benchmark.tasks or (benchmark.task_name,)
    try:
        stored = read_documents(source.files, row, source.suite)
    except EvalboardError:
        return {}
    for _, document in stored:
        if all(task in document.configs for task in wanted):
            return {task: document.configs[task] for task in wanted}
    return {}
