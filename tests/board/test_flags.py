import pytest

from evalboard.board.flags import flag_rows
from evalboard.board.scores import Origin, Score

USUAL = Origin(
    finished_time="2026-11-01T00:00:00Z",
    task_version="1.0",
    task_hash="hash",
    questions="fingerprint",
    backend="vllm",
    backend_version="0.32.0",
    lm_eval_version="0.4.13",
    base="",
    chat_template=None,
)


def score(**changes):
    return Score(0.5, None, 100, USUAL._replace(**changes))


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


def test_questions_that_were_cut():
    row = {"a": score(), "b": score()._replace(n_cut=1)}

    assert flag_rows([*usual_rows(), row])[-1] == ["cut_questions"]


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
