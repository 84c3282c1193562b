"""The questions of a benchmark with the answers of one or several rows."""

import math
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache, cached

from evalboard.board.differences import Discordance, paired_difference
from evalboard.board.pairing import PairedAnswers, count_subjects, discordances, pair
from evalboard.board.statistics import choice_probabilities, wilson_interval
from evalboard.errors import EvalboardError
from evalboard.records.answers import Answers
from evalboard.stores.protocol import Snapshot, retry_on_conflict
from evalboard.stores.results import read_answers
from evalboard.suites.model import Benchmark
from leaderboard_app.prompts import AskedQuestion, Prompt, find_prompts
from leaderboard_app.provenance import find_answers, read_documents
from leaderboard_app.question_filter import QuestionFilter, count_shown, filter_questions
from leaderboard_app.recent_snapshots import RecentSnapshots, folder_of_path
from leaderboard_app.references import reference_of

MAX_QUESTIONS = 100
"""Limit of questions in one response."""
MAX_MODELS = 6
MAX_OUTPUT_CHARACTERS = 20_000
"""Limit of characters of a generated text."""
KEPT_FILES = 6
"""Number of answer files to keep in memory. The largest have about 10 MB each."""

Row = dict[str, Any]


class Source(NamedTuple):
    """The sources of answers and questions."""

    results: RecentSnapshots
    """The results store."""
    suite: str
    mirror: Path | None
    """Folder with datasets."""


def questions_document(
    source: Source, benchmark: Benchmark, rows: Sequence[Row], chosen: QuestionFilter
) -> dict[str, Any]:
    """Return the chosen questions, and the rows' results on all questions.

    `stored` is false, without further data, if the answers of a row are not in the results store.
    `counts`, `subjects` and `differences` cover all questions that every row answered; `total` is
    the number of matching ones. For a benchmark with hidden questions, a question consists of its
    number, hash and subject, and whether each row was right.

    Raises:
        EvalboardError: The results store, or a file in it, cannot be read.
    """
    named = {
        "benchmark": benchmark.key,
        "title": benchmark.title,
        "models": [reference_of(row) for row in rows],
    }
    paths = [find_answers(source.results, row, source.suite, benchmark.key) for row in rows]
    found = [path for path in paths if path is not None]
    if not rows or len(found) < len(rows):
        return named | {"stored": False}
    paired = pair([_answers(source.results, path) for path in found])
    fitting = filter_questions(paired, chosen, texts=benchmark.show_questions)
    page = fitting[chosen.offset : chosen.offset + chosen.limit]
    return named | {
        "stored": True,
        "shown": benchmark.show_questions,
        "counts": count_shown(paired),
        "subjects": _subjects(paired, benchmark),
        "differences": _differences(paired, benchmark, rows),
        "total": len(fitting),
        "offset": chosen.offset,
        "questions": _describe(source, benchmark, rows[0], paired, page),
    }


def _answers(results: RecentSnapshots, path: str) -> Answers:
    return retry_on_conflict(lambda: _kept_answers(results.snapshot(folder_of_path(path)), path))


def _blob(snapshot: Snapshot, path: str) -> str:
    return snapshot.blobs([path])[path]


@cached(LRUCache(KEPT_FILES), key=_blob, lock=Lock())
def _kept_answers(snapshot: Snapshot, path: str) -> Answers:
    return read_answers(snapshot, path)


def _describe(
    source: Source, benchmark: Benchmark, row: Row, paired: PairedAnswers, page: Sequence[int]
) -> list[dict[str, Any]]:
    described = [_question(paired, question) for question in page]
    if not benchmark.show_questions:
        return described
    prompts = _prompts(source, benchmark, row, described)
    for question, document, prompt in zip(page, described, prompts, strict=True):
        stored = _stored(paired, question, 0)
        document["target"] = stored.get("target")
        # A model that writes has picked none of them: its text is shown, and what was read.
        is_ranked = bool(stored.get("loglikelihoods"))
        document["choices"] = (stored.get("choices") or []) if is_ranked else []
        document["prompt"] = prompt._asdict() if prompt else None
        sides = range(len(paired.sides))
        document["answers"] = [_answer(_stored(paired, question, side)) for side in sides]
    return described


def _question(paired: PairedAnswers, question: int) -> dict[str, Any]:
    subject, number, doc_hash = paired.sides[0].questions[paired.places[question][0]]
    return {
        "id": number,
        "hash": doc_hash,
        "subject": subject,
        "correct": paired.verdicts(question),
    }


def _answer(stored: dict[str, Any]) -> dict[str, Any]:
    found = stored.get("loglikelihoods") or []
    # JSON has no infinite numbers.
    loglikelihoods = [v if v is not None and math.isfinite(v) else None for v in found]
    return {
        "answer": stored.get("answer"),
        "loglikelihoods": loglikelihoods,
        "probabilities": choice_probabilities(found, len(stored.get("choices") or ())),
        "is_greedy": stored.get("is_greedy") or [],
        "output": _shortened(stored.get("output")),
        "extracted": stored.get("extracted") or stored.get("state"),
        "raw": _shortened(stored.get("raw")),
        **{name: stored.get(name) for name in ("state", "rule", "ended", "tokens")},
    }


def _shortened(text: str | None) -> str | None:
    return text[:MAX_OUTPUT_CHARACTERS] if text else text


def _stored(paired: PairedAnswers, question: int, side: int) -> dict[str, Any]:
    (stored,) = paired.sides[side].table.slice(paired.places[question][side], 1).to_pylist()
    return stored


def _subjects(paired: PairedAnswers, benchmark: Benchmark) -> list[dict[str, Any]]:
    """Return the fraction of right answers by subject, empty if answers are not right or wrong."""
    if any(None in side.correct for side in paired.sides):
        return []
    titles = {subject.key: subject.title for subject in benchmark.subjects}
    return [
        {
            "key": counted.subject,
            "title": titles.get(counted.subject, counted.subject),
            "n": counted.n,
            "scores": [_share(right, counted.n) for right in counted.right],
            "alone": counted.alone,
        }
        for counted in count_subjects(paired)
        if counted.subject
    ]


def _share(right: int, n: int) -> dict[str, Any]:
    return {"score": right / n, **wilson_interval(right / n, n)._asdict()}


def _differences(
    paired: PairedAnswers, benchmark: Benchmark, rows: Sequence[Row]
) -> list[dict[str, Any] | None]:
    """Return each row's difference from the first row, None if it does not apply.

    It is None for the first row, for answers that are not simply right or wrong, and for rows with
    scores on other questions.
    """
    asked = len(paired.places)
    differences: list[dict[str, Any] | None] = [None]
    for other in range(1, len(paired.sides)):
        # Answers to one question in several orders are not independent: the scores' errors compare.
        same = not benchmark.robustness and all(
            rows[side].get(f"{benchmark.key}__n") == asked for side in (0, other)
        )
        cells = discordances(paired, other, by_subject=bool(benchmark.tasks)) if same else []
        differences.append(_paired(cells) if cells else None)
    return differences


def _paired(cells: Sequence[Discordance]) -> dict[str, Any]:
    """Return a difference, and on how many questions only the first or only the other was right."""
    return {
        **paired_difference(cells)._asdict(),
        "paired": True,
        "only_first": sum(cell.only_first for cell in cells),
        "only_second": sum(cell.only_second for cell in cells),
    }


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
    """Return the definitions of a benchmark's tasks from the newest document with it."""
    wanted = benchmark.tasks or (benchmark.task_name,)
    try:
        stored = read_documents(source.results, row, source.suite)
    except EvalboardError:
        return {}
    for _, document in stored:
        if all(task in document.configs for task in wanted):
            return {task: document.configs[task] for task in wanted}
    return {}
