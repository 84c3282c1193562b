import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evalboard.records.answers import Answers
from evalboard.records.parquet import parquet_file
from evalboard.reproducing.answers import Difference, compare_benchmark
from evalboard.reproducing.tasks import PlainTask
from evalboard.suites.model import Benchmark

EXAM = Benchmark(key="exam", title="Exam")
GROUP = Benchmark(key="exams", title="Exams", tasks=("exams_a", "exams_b"))
N = 4


def stored(task: str | None, n: int = N, **changed: Any) -> list[dict[str, Any]]:
    """Return right answers to a task's questions; `changed` goes into the last row."""
    rows = [
        {
            "question_id": number,
            "doc_hash": f"{task}{number}",
            "subject": task,
            "correct": True,
            "choices": ["yes", "no"],
            "loglikelihoods": [-1.0, -2.0],
        }
        for number in range(n)
    ]
    return [*rows[:-1], rows[-1] | changed]


def answers(rows: list[dict[str, Any]]) -> Answers:
    return Answers.from_parquet(parquet_file(pa.Table.from_pylist(rows)), path="x")


def write_plain(folder: Path, task: str, n: int = N) -> None:
    """Write what lm_eval writes of the same answers."""
    samples = (
        {
            "doc_id": number,
            "doc_hash": f"{task}{number}",
            "filter": "none",
            "acc": 1.0,
            "filtered_resps": [["-1.0", "True"], ["-2.0", "False"]],
        }
        for number in reversed(range(n))
    )
    lines = "".join(f"{json.dumps(sample)}\n" for sample in samples)
    file = folder / f"samples_{task}_2026-12-01T10-00-00.0.jsonl"
    file.write_text(lines, encoding="utf-8")


def test_equal_answers_differ_nowhere(tmp_path: Path) -> None:
    write_plain(tmp_path, "exam")
    task = PlainTask("exam", EXAM, "exam")
    compared = compare_benchmark([task], answers(stored("exam")), tmp_path, limit=None)
    assert compared == ("exam", N, [], 0.0)


def test_another_answer_is_shown_with_its_question(tmp_path: Path) -> None:
    write_plain(tmp_path, "exam")
    rows = stored("exam", loglikelihoods=[-3.0, -2.0], correct=False)
    compared = compare_benchmark(
        [PlainTask("exam", EXAM, "exam")], answers(rows), tmp_path, limit=None
    )
    assert compared.different == [Difference("exam", N - 1, "no (wrong)", "yes (right)")]
    assert compared.largest_difference == 2.0


@pytest.mark.parametrize(("text", "differs"), [("a word\ufffd\ufffd", []), ("a wor", [0])])
def test_a_character_that_the_limit_has_torn_is_no_difference(
    tmp_path: Path, text: str, differs: list[int]
) -> None:
    sample = {"doc_id": 0, "doc_hash": "exam0", "filter": "none", "acc": 0.0}
    lines = json.dumps(sample | {"filtered_resps": ["a word"]})
    file = tmp_path / "samples_exam_2026-12-01T10-00-00.0.jsonl"
    file.write_text(lines, encoding="utf-8")
    row = {"choices": None, "loglikelihoods": None, "output": text, "extracted": text}
    (last,) = stored("exam", 1, correct=False)
    compared = compare_benchmark(
        [PlainTask("exam", EXAM, "exam")], answers([last | row]), tmp_path, limit=None
    )
    assert [difference.question for difference in compared.different] == differs


def test_another_question_is_a_difference(tmp_path: Path) -> None:
    write_plain(tmp_path, "exam")
    rows = stored("exam", doc_hash="other")
    compared = compare_benchmark(
        [PlainTask("exam", EXAM, "exam")], answers(rows), tmp_path, limit=None
    )
    (difference,) = compared.different
    assert difference.plain == "yes to another question (right)"


def test_a_limit_compares_the_first_questions_only(tmp_path: Path) -> None:
    write_plain(tmp_path, "exam", 2)
    task, mine = PlainTask("exam", EXAM, "exam"), answers(stored("exam"))
    assert compare_benchmark([task], mine, tmp_path, limit=2) == ("exam", 2, [], 0.0)
    whole = compare_benchmark([task], mine, tmp_path, limit=None)
    assert [(d.question, d.plain) for d in whole.different] == [(2, "not asked"), (3, "not asked")]


def test_the_subjects_of_a_group_are_compared_apart(tmp_path: Path) -> None:
    parts = [PlainTask("exams", part, f"plain_{part.key}") for part in GROUP.subjects]
    rows = stored("exams_b", correct=False) + stored("exams_a", n=2)
    write_plain(tmp_path, "exams_a", 2)
    write_plain(tmp_path, "exams_b")
    for part in parts:
        (file,) = tmp_path.glob(f"samples_{part.part.key}_*")
        file.rename(file.with_name(file.name.replace("samples_", "samples_plain_")))
    compared = compare_benchmark(parts, answers(rows), tmp_path, limit=None)
    assert (compared.benchmark, compared.questions) == ("exams", N + 2)
    assert [(d.task, d.question) for d in compared.different] == [("exams_b", N - 1)]
