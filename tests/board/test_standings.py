"""Ranks on the board: who is compared with whom, and by what."""

import numpy as np
import pytest

from evalboard.board.harnesses import Harnesses
from evalboard.board.rows import build_rows
from evalboard.board.standings import Place, rank_rows
from evalboard.records.earned import Earned
from evalboard.records.verdict import Verdict, Versions

N = 200


def earned_of(right: int, questions: str = "q", n: int = N) -> Earned:
    """Return answers of which the first are right."""
    return Earned(questions, (n,), np.arange(n) < right)


def no_answers(names):
    return [None] * len(names)


@pytest.fixture
def ranked(suite, document):
    """Rank models on a benchmark, by their right answers; the other benchmark is the same for all."""

    def make(right, answers=None, **changes):
        documents = [
            document(
                {"anatomy": count / N, "doses": 0.5},
                model_name=f"org/m{at}",
                n=N,
                stderr=0.03,
                **{name: values[at] for name, values in changes.items()},
            )
            for at, count in enumerate(right)
        ]
        rows = build_rows(documents, suite)
        stored = answers or [earned_of(count) for count in right]

        def find(names):
            found = iter(stored)
            return [next(found) if name.benchmark == "anatomy" else None for name in names]

        return rank_rows(rows, suite, find)

    return make


def places(standings, key="anatomy"):
    return [row.places.get(key) for row in standings.rows]


def test_answers_tell_apart_what_standard_errors_do_not(ranked):
    """Fifteen questions more of 200 are certain where one model answers all that the other does."""
    paired, unpaired = ranked([115, 100]), ranked([115, 100], answers=[None, None])

    assert places(paired) == [Place(1, 1, 1), Place(2, 2, 2)]
    assert places(unpaired) == [Place(1, 1, 2), Place(2, 1, 2)]
    assert [row.unpaired for row in paired.rows] == [["doses"]] * 2
    assert [row.unpaired for row in unpaired.rows] == [["anatomy", "doses"]] * 2
    assert paired.smallest_differences["anatomy"] < unpaired.smallest_differences["anatomy"]


def test_the_average_is_ranked_too(ranked):
    assert [p and p.rank for p in places(ranked([120, 100, 120]), "average")] == [1, 3, 1]


@pytest.mark.parametrize(
    "other",
    [earned_of(100, "other"), earned_of(100, n=199), earned_of(99)],
    ids=["other questions", "another number", "answers of another score"],
)
def test_answers_that_are_not_those_of_the_score_are_not_paired(ranked, other):
    standings = ranked([120, 110, 100], [earned_of(120), earned_of(110), other])

    assert [row.unpaired for row in standings.rows] == [["doses"], ["doses"], ["anatomy", "doses"]]
    assert all(places(standings))


@pytest.mark.parametrize(
    ("changes", "apart"),
    [
        ({"backend": ["vllm", "vllm", "hf", "hf"]}, "backend"),
        ({"lm_eval_version": ["0.4.13"] * 2 + ["0.4.12"] * 2}, "harness"),
        ({"use_chat_template": [False, False, True, True]}, "template"),
        ({"questions": ["new", "new", "old", "old"]}, "questions"),
        ({"task_hash": ["new", "new", "old", "old"]}, "prompts"),
        ({"version": [2.0, 2.0, 1.0, 1.0]}, "task"),
    ],
)
def test_rows_that_were_measured_otherwise_stand_apart(ranked, changes, apart):
    finished = ["2026-11-21T10:00:01Z"] * 2 + ["2026-11-21T10:00:00Z"] * 2
    standings = ranked([120, 100, 150, 50], finished=finished, **changes)

    assert [row.apart for row in standings.rows] == [[], [], [apart], [apart]]
    assert places(standings) == [Place(1, 1, 1), Place(2, 2, 2)] * 2


def test_a_flagged_row_takes_no_rank_from_others(suite, document):
    documents = [
        document({"anatomy": p, "doses": p}, model_name=f"org/m{p}", n=1000) for p in (0.9, 0.5)
    ]
    best, other = build_rows(documents, suite)
    flagged = best._replace(flags=["flagged"], ranked=False)
    standings = rank_rows([flagged, other], suite, no_answers)

    assert places(standings) == places(standings, "average") == [None, Place(1, 1, 1)]
    assert standings.rows[0].unpaired == []


def test_versions_compare_only_where_a_verdict_says_it(suite, document):
    old, new = (Versions(backend="vllm", backend_version=v, lm_eval="0.4.13") for v in "12")
    documents = [
        document({"anatomy": p, "doses": p}, model_name=f"org/m{v}", backend_version=v)
        for v, p in (("1", 0.3), ("2", 0.5))
    ]
    verdict = Verdict(
        suite=suite.name, benchmark="anatomy", old=old, new=new, compares=True, models=(),
        questions=1, different=0, largest_difference=0, points=0, low=0, high=0, margin=1,
    )  # fmt: skip

    def old_row(*verdicts):
        harnesses = Harnesses(verdicts, suite.name)
        rows = build_rows(documents, suite)
        (row, _) = rank_rows(rows, suite, no_answers, harnesses=harnesses).rows
        return row.apart, set(row.places)

    assert old_row() == (["harness"], set())
    assert old_row(verdict) == (["harness:doses"], {"anatomy"})


def test_a_row_that_nothing_can_be_compared_with_has_no_rank(ranked):
    standings = ranked([120, 100, 150], backend=["vllm", "vllm", "hf"])

    assert places(standings) == [Place(1, 1, 1), Place(2, 2, 2), None]
    assert standings.rows[2].places == {}


def test_prompts_of_templates_differ_by_model(ranked):
    """The hash is of rendered prompts, and every model has a template of its own."""
    hashes = ["one", "another", "third"]
    standings = ranked([120, 110, 100], task_hash=hashes, use_chat_template=[True] * 3)

    assert [row.apart for row in standings.rows] == [[], [], []]


def test_a_row_that_differs_in_one_benchmark_says_in_which(suite, document):
    usual = [document({"anatomy": 0.5, "doses": 0.5}, model_name=f"org/m{n}") for n in range(2)]
    mixed = [
        document({"anatomy": 0.4}, model_name="org/x", lm_eval_version="0.4.12"),
        document({"doses": 0.4}, model_name="org/x"),
    ]
    standings = rank_rows(build_rows([*usual, *mixed], suite), suite, no_answers)

    assert standings.rows[2].apart == ["harness:anatomy"]
    assert set(standings.rows[2].places) == {"doses"}


def test_a_group_is_compared_subject_by_subject(grouped_suite, grouped_document):
    scores = [(0.5, 0.5), (0.5, 0.7)]
    documents = [
        grouped_document(
            {"mmlu": (a + b) / 2, "mmlu_anatomy": a, "mmlu_virology": b}, model_name=f"org/m{at}"
        )
        for at, (a, b) in enumerate(scores)
    ]
    answers = [
        Earned("q", (20, 400), np.concatenate([np.arange(20) < 20 * a, np.arange(400) < 400 * b]))
        for a, b in scores
    ]

    def find(names):
        assert [name and (name.benchmark, name.by_subject) for name in names] == [
            *[None] * 2,
            *[("mmlu", True)] * 2,
        ]
        return [None, None, *answers]

    standings = rank_rows(build_rows(documents, grouped_suite), grouped_suite, find)

    assert [row.unpaired for row in standings.rows] == [[], []]
    assert places(standings, "mmlu") == [Place(2, 2, 2), Place(1, 1, 1)]


def test_a_score_without_standard_error_is_no_certain_one(ranked):
    standings = ranked([N, N - 3], answers=[None, None])

    assert places(standings) == [Place(1, 1, 2), Place(2, 1, 2)]


def test_the_differences_of_a_normalised_average_are_larger(suite, document):
    raw = rank_rows(_two(suite, document), suite, no_answers).smallest_differences
    normalised = suite.model_validate(suite.model_dump() | {"average": {"scores": "normalised"}})
    found = rank_rows(_two(normalised, document), normalised, no_answers)

    assert found.smallest_differences["anatomy"] == raw["anatomy"]
    assert (found.smallest_differences["average"] or 0) > 1.1 * (raw["average"] or 1)


def _two(suite, document):
    scores = {"anatomy": 0.5, "doses": 0.5}
    return build_rows([document(scores, model_name=f"org/m{n}") for n in range(2)], suite)
