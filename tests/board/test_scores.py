import math

import pytest

from evalboard.board.scores import read_score


def test_a_score_comes_with_its_standard_error_and_number_of_questions(suite, document):
    score = read_score(document({"doses": 0.42}, stderr=0.03, n=200), suite.benchmarks[1])

    assert score is not None
    assert (score.value, score.stderr, score.n) == (0.42, 0.03, 200)


def test_a_score_knows_what_made_it(suite, document):
    made = document(
        {"anatomy": 0.5},
        version=2.0,
        chat_template_sha="t",
        weight_type="Adapter",
        base_model="org/base",
        base_revision="9" * 40,
        backend="hf",
    )
    score = read_score(made, suite.benchmarks[0])

    assert score is not None
    assert score.origin == (
        "2.0",
        "hash",
        "fingerprint",
        "hf",
        "0.32.0",
        "0.4.13",
        f"org/base@{'9' * 40}",
        "t",
        "",
    )
    assert score.finished_time == "2026-11-21T10:00:00Z"
    assert score.folder == f"org/model/{'a' * 40}/float16_Adapter_99999999/small"


def test_a_benchmark_that_was_not_run_has_no_score(suite, document):
    assert read_score(document({"anatomy": 0.5}), suite.benchmarks[1]) is None


@pytest.mark.parametrize("value", ["N/A", None, True, math.nan, math.inf, -0.1, 1.5, 37])
def test_what_is_no_fraction_does_not_count(suite, document, value):
    assert read_score(document({"anatomy": value}), suite.benchmarks[0]) is None


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_the_ends_of_the_range_count(suite, document, value):
    score = read_score(document({"anatomy": value}), suite.benchmarks[0])

    assert score is not None
    assert score.value == value


@pytest.mark.parametrize("stderr", ["N/A", math.nan])
def test_an_unknown_standard_error_is_none(suite, document, stderr):
    score = read_score(document({"anatomy": 0.5}, stderr=stderr), suite.benchmarks[0])

    assert score is not None
    assert score.stderr is None


def test_another_number_of_few_shots_does_not_count(suite, document):
    made = document({"anatomy": 0.5, "doses": 0.5}, fewshot={"doses": 0})

    assert read_score(made, suite.benchmarks[0]) is not None
    assert read_score(made, suite.benchmarks[1]) is None


@pytest.mark.parametrize("asked", [0, 10])
def test_an_answer_to_some_of_the_questions_does_not_count(suite, document, asked):
    assert read_score(document({"anatomy": 0.5}, asked=asked), suite.benchmarks[0]) is None


def test_another_metric_does_not_count(suite, document):
    made = document({"anatomy": 0.5})
    other = suite.benchmarks[0].model_copy(update={"metric": "acc_norm,none"})

    assert read_score(made, other) is None


def test_questions_that_lack_something_are_counted_over_the_subjects_of_a_group(
    suite, document, grouped_suite, grouped_document
):
    whole, group = document({"anatomy": 0.5}), grouped_document(GROUP)
    for samples in (*whole.n_samples.values(), *group.n_samples.values()):
        samples |= {"cut": 3, "unfinished": 2}
    alone, subjects = (
        read_score(whole, suite.benchmarks[0]),
        read_score(group, grouped_suite.benchmarks[1]),
    )

    assert alone is not None
    assert subjects is not None
    assert (alone.n_cut, subjects.n_cut) == (3, 6)
    assert (alone.n_unfinished, subjects.n_unfinished) == (2, 4)


GROUP = {"mmlu": 0.3, "mmlu_anatomy": 0.2, "mmlu_virology": 0.4}


def test_the_score_of_a_group_comes_with_those_of_its_subjects(grouped_suite, grouped_document):
    mmlu = grouped_suite.benchmarks[1]
    made = grouped_document(GROUP, stderr=0.03, n=50)
    score = read_score(made, mmlu)

    assert score is not None
    assert (score.value, score.stderr, score.n) == (0.3, 0.03, 100)
    assert score.subjects == tuple(read_score(made, subject) for subject in mmlu.subjects)
    assert [subject.value for subject in score.subjects] == [0.2, 0.4]
    assert [subject.n for subject in score.subjects] == [50, 50]


@pytest.mark.parametrize(
    ("scores", "changes"),
    [
        ({"mmlu": 0.3, "mmlu_anatomy": 0.2}, {}),
        ({"mmlu_anatomy": 0.2, "mmlu_virology": 0.4}, {}),
        (GROUP, {"fewshot": {"mmlu_virology": 0}}),
        (GROUP, {"asked": 10}),
        (GROUP | {"mmlu_virology": math.nan}, {}),
    ],
)
def test_a_group_counts_when_all_its_subjects_do(grouped_suite, grouped_document, scores, changes):
    mmlu = grouped_suite.benchmarks[1]

    assert read_score(grouped_document(GROUP), mmlu) is not None
    assert read_score(grouped_document(scores, **changes), mmlu) is None


def test_every_subject_is_part_of_a_groups_origin(grouped_suite, grouped_document):
    mmlu = grouped_suite.benchmarks[1]
    made = grouped_document(GROUP)
    changed = made.model_copy(
        update={
            "versions": made.versions | {"mmlu_virology": 2.0},
            "task_hashes": made.task_hashes | {"mmlu_virology": "other"},
        }
    )
    before, after = (read_score(d, mmlu) for d in (made, changed))

    assert before is not None
    assert after is not None
    assert (before.origin.task_version, after.origin.task_version) == ("1.0", "1.0, 2.0")
    assert before.origin.task_hash != after.origin.task_hash
