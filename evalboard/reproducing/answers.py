"""Compare lm_eval's answers with the stored ones, question by question."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.bench.answers import Answer, read_task, stored_answer
from evalboard.records.answers import Answers
from evalboard.reproducing.tasks import PlainTask

TORN = "\ufffd"
"""What stands for a character whose bytes are not all there."""


class Difference(NamedTuple):
    """A question that was answered or judged differently."""

    task: str
    """lm_eval's name of the task."""
    question: int
    """Its number in the task."""
    stored: str
    plain: str


class Compared(NamedTuple):
    """The answers to one benchmark."""

    benchmark: str
    questions: int
    """Number of questions that both runs have asked, or one of them."""
    different: list[Difference]
    largest_difference: float
    """Of two log-likelihoods of the same choice; 0 where there are none."""


def compare_benchmark(
    tasks: Sequence[PlainTask], stored: Answers, output: Path, *, limit: int | None
) -> Compared:
    """Compare the answers to a benchmark.

    Args:
        tasks: Its tasks.
        stored: The stored answers.
        output: Folder with the output of plain lm_eval.
        limit: Number of questions of each task that plain lm_eval was asked; None for all.

    Raises:
        HarnessError: lm_eval's answers are missing.
    """
    by_task = _by_task(stored.table.to_pylist(), tasks)
    parts = [
        _compare(task, by_task[task.name][:limit], read_task(output, task.name, task.part.metric))
        for task in tasks
    ]
    return Compared(
        benchmark=tasks[0].benchmark,
        questions=sum(part.questions for part in parts),
        different=[difference for part in parts for difference in part.different],
        largest_difference=max(part.largest_difference for part in parts),
    )


def _by_task(
    rows: Iterable[Mapping[str, Any]], tasks: Sequence[PlainTask]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the stored rows of each task, in the order of the questions."""
    found: dict[str, list[Mapping[str, Any]]] = {task.name: [] for task in tasks}
    names = {task.part.task_name: task.name for task in tasks}
    for row in sorted(rows, key=lambda row: row["question_id"]):
        # The rows of a group name their task; in other files the subject is the data set's own.
        name = tasks[0].name if len(tasks) == 1 else names.get(row["subject"])
        if name:
            found[name].append(row)
    return found


def _compare(
    task: PlainTask, rows: Sequence[Mapping[str, Any]], plain: Sequence[Answer]
) -> Compared:
    different: list[Difference] = []
    largest = 0.0
    for number in range(max(len(rows), len(plain))):
        row = rows[number] if number < len(rows) else None
        mine = stored_answer(row) if row else None
        theirs = plain[number] if number < len(plain) else None
        if mine is None or theirs is None or _said(mine) != _said(theirs):
            shown = (_shown(answer, row) for answer in (mine, theirs))
            different.append(Difference(task.part.task_name, number, *shown))
        if mine and theirs and mine.question == theirs.question:
            pairs = zip(mine.loglikelihoods, theirs.loglikelihoods, strict=False)
            largest = max([largest, *(abs(x - y) for x, y in pairs if x != y)])
    return Compared(task.benchmark, max(len(rows), len(plain)), different, largest)


def _said(answer: Answer) -> tuple[str, int | str, bool]:
    """Return what is compared of an answer.

    The limit of tokens can tear a text's last character. vLLM then leaves it out of its text.
    """
    question, chosen, correct, _ = answer
    return question, chosen.rstrip(TORN) if isinstance(chosen, str) else chosen, correct


def _shown(answer: Answer | None, row: Mapping[str, Any] | None) -> str:
    """Return an answer for readers, with the text of the choice where it is known."""
    if answer is None:
        return "not asked"
    choices = (row or {}).get("choices") or []
    at = answer.chosen
    text = choices[at] if isinstance(at, int) and at < len(choices) else str(at)
    other = "" if row is None or row["doc_hash"] == answer.question else " to another question"
    return f"{text}{other} ({'right' if answer.correct else 'wrong'})"
