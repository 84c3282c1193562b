import pytest

from evalboard.board.flags import (
    BLIND,
    FORMAT_OR_LIMIT,
    LACKING,
    MIXED,
    OTHER,
    SMALL_BUDGET,
    SUSPECTED,
    flag_rows,
    flags_in_words,
)
from evalboard.board.notices import MARKS
from evalboard.board.scores import Origin, Score
from evalboard.records.columns import FLAGS
from evalboard.records.in_words import InWords

USUAL = Origin(
    task_version="1.0",
    task_hash="hash",
    questions="fingerprint",
    backend="vllm",
    backend_version="0.32.0",
    lm_eval_version="0.4.13",
    base="",
    chat_template=None,
)


def score(finished_time="2026-11-01T00:00:00Z", **changes):
    return Score(0.5, None, 100, USUAL._replace(**changes), finished_time=finished_time)


def usual_rows(count=2):
    return [{"a": score(), "b": score()} for _ in range(count)]


def test_rows_that_were_made_alike_have_no_flags():
    assert flag_rows(usual_rows()) == [[], []]


def test_no_rows_have_no_flags():
    assert flag_rows([]) == []


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"backend": "hf"}, "mixed_backends"),
        ({"lm_eval_version": "0.4.12"}, "mixed_harness"),
        ({"base": "org/base@0"}, "mixed_base_models"),
        ({"chat_template": "t"}, "mixed_templates"),
    ],
)
def test_scores_of_one_row_that_were_made_differently(change, flag):
    assert flag_rows([*usual_rows(), {"a": score(), "b": score(**change)}]) == [[], [], [flag]]


@pytest.mark.parametrize(
    ("lacking", "flag"),
    [({"n_cut": 1}, "cut_questions"), ({"n_unfinished": 1}, "unfinished_thinking")],
)
def test_questions_that_lack_something(lacking, flag):
    row = {"a": score(), "b": score()._replace(**lacking)}

    assert flag_rows([*usual_rows(), row])[-1] == [flag]


def test_two_readers_in_one_row_are_two_flags():
    row = {"a": score(), "b": score(reader="another")}

    assert flag_rows([*usual_rows(), row])[-1] == ["mixed_readers", "other_reader"]


def test_two_versions_of_a_backend_in_one_row_are_two_flags():
    row = {"a": score(), "b": score(backend_version="0.33.0")}

    assert flag_rows([*usual_rows(), row])[-1] == ["mixed_backends", "other_backend_version"]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"task_version": "2.0"}, "other_task_version"),
        ({"task_hash": "other"}, "other_task_version"),
        ({"questions": "other", "task_hash": "other"}, "other_questions"),
        ({"backend_version": "0.33.0"}, "other_backend_version"),
        ({"reader": "r2"}, "other_reader"),
    ],
)
def test_a_row_that_was_made_differently_from_most(change, flag):
    row = {"a": score(**change), "b": score(**change)}

    assert flag_rows([*usual_rows(), row]) == [[], [], [flag]]


def test_what_a_column_shows_is_no_flag():
    rows = [
        {"a": score(backend="hf", backend_version="5.19.0")},
        {"a": score(lm_eval_version="0.4.12")},
        {"a": score(base="org/base@0")},
        {"a": score(chat_template="t", task_hash="prompts in that template")},
    ]

    assert flag_rows([*usual_rows(), *rows]) == [[]] * 6


def test_each_benchmark_has_its_own_majority():
    rows = [{"a": score()}, {"a": score()}, {"b": score(questions="other")}]

    assert flag_rows(rows) == [[], [], []]


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_equally_many_the_newest_is_the_majority(newest_first):
    old = {"a": score(task_version="2.0")}
    new = {"a": score(task_version="1.0", finished_time="2026-11-02T00:00:00Z")}
    rows = [new, old] if newest_first else [old, new]

    assert [row for row, flags in zip(rows, flag_rows(rows), strict=True) if flags] == [old]


def test_the_flags_that_a_suite_can_name_are_those_that_rows_get():
    made = {*MIXED, *LACKING, *(comparison.flag for comparison in OTHER)}
    made |= {BLIND, FORMAT_OR_LIMIT, SMALL_BUDGET, SUSPECTED, *map(str, MARKS)}
    assert sorted(made) == sorted(FLAGS)


@pytest.mark.parametrize(
    ("read", "unfinished", "budget", "flags"),
    [
        (0.95, 0.05, 8192, set()),
        (0.9, 0.0, None, set()),
        (0.89, 0.0, 8192, {"format_or_limit"}),
        (0.94, 0.06, 8192, {"format_or_limit"}),
        (0.95, 0.0, 4000, {"small_budget"}),
    ],
)
def test_what_the_form_or_the_limit_decided_is_marked(read, unfinished, budget, flags):
    figures = InWords(0.5, read, unfinished, 300, 900)
    row = {"a": score()._replace(in_words=figures, budget=budget)}

    assert flags_in_words(row, figures, budget=8192) == flags
    assert flags_in_words({"a": score()._replace(budget=10)}, None, budget=8192) == set()
