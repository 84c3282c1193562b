import pytest

from evalboard.board.rows import average, build_rows
from evalboard.suites.model import Suite


def test_a_complete_row_has_the_unweighted_mean(suite, document):
    [row] = build_rows([document({"anatomy": 0.4, "doses": 0.7})], suite)

    assert row.complete
    assert row.average == pytest.approx(0.55)
    assert list(row.scores) == ["anatomy", "doses"]


def test_a_row_that_lacks_a_benchmark_has_no_average(suite, document):
    [row] = build_rows([document({"doses": 0.7})], suite)

    assert not row.complete
    assert row.average is None
    assert list(row.scores) == ["doses"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_each_benchmark_takes_its_newest_score(suite, document, newest_first):
    documents = [
        document({"anatomy": 0.1, "doses": 0.2}, finished="2026-11-01T00:00:00Z", sender="old"),
        document({"anatomy": 0.3}, finished="2026-11-02T00:00:00Z", sender="new"),
    ]
    [row] = build_rows(documents[::-1] if newest_first else documents, suite)

    assert {key: score.value for key, score in row.scores.items()} == {"anatomy": 0.3, "doses": 0.2}
    assert row.finished_time == "2026-11-02T00:00:00Z"
    assert row.config.sender == "new"


def test_partial_attempts_complete_each_other_in_the_order_of_the_suite(suite, document):
    documents = [
        document({"doses": 0.2}, finished="2026-11-01T00:00:00Z"),
        document({"anatomy": 0.4}, finished="2026-11-02T00:00:00Z"),
    ]
    [row] = build_rows(documents, suite)

    assert list(row.scores) == ["anatomy", "doses"]
    assert row.average == pytest.approx(0.3)


def test_a_newer_document_without_a_score_that_counts_changes_nothing(suite, document):
    documents = [
        document({"anatomy": 0.4}, finished="2026-11-01T00:00:00Z"),
        document({"anatomy": 0.9}, finished="2026-11-02T00:00:00Z", fewshot={"anatomy": 5}),
        document({}, finished="2026-11-03T00:00:00Z"),
    ]
    [row] = build_rows(documents, suite)

    assert row.scores["anatomy"].value == 0.4
    assert row.finished_time == "2026-11-01T00:00:00Z"


@pytest.mark.parametrize(
    "difference",
    [
        {"model_name": "org/other"},
        {"model_sha": "b" * 40},
        {"model_dtype": "bfloat16"},
        {"weight_type": "Delta"},
        {"use_chat_template": True},
    ],
)
def test_what_makes_a_row_of_its_own(suite, document, difference):
    documents = [document({"anatomy": 0.4}), document({"doses": 0.4}, **difference)]

    assert len(build_rows(documents, suite)) == 2


def test_other_suites_and_models_without_a_score_are_left_out(suite, document):
    documents = [
        document({"anatomy": 0.4}, suite_name="other"),
        document({}, model_name="org/failed"),
        document({"anatomy": 0.4}, model_name="org/other-shots", fewshot={"anatomy": 3}),
    ]

    assert build_rows(documents, suite) == []


def test_rows_carry_their_flags(suite, document):
    documents = [
        document({"anatomy": 0.4}, model_name=f"org/m{number}", questions=questions)
        for number, questions in enumerate(["same", "same", "different"])
    ]

    assert [row.flags for row in build_rows(documents, suite)] == [[], [], ["other_questions"]]


def test_a_row_has_a_rank_if_it_has_what_its_suite_asks(suite, document):
    documents = [
        document({"anatomy": 0.4, "doses": 0.7}, model_name="org/whole"),
        document({"anatomy": 0.4}, model_name="org/half"),
        document({"anatomy": 0.4, "doses": 0.7}, model_name="org/other", questions="elsewhere"),
    ]
    content = suite.model_dump()
    content["benchmarks"][1]["weight"] = 0
    content["ranked"] = {"needs": "averaged", "without": ["other_questions"]}
    lenient = Suite.model_validate(content)

    assert [row.ranked for row in build_rows(documents, suite)] == [True, False, True]
    assert [row.ranked for row in build_rows(documents, lenient)] == [True, True, False]
    assert [row.complete for row in build_rows(documents, lenient)] == [True, False, True]
    assert {row.average for row in build_rows(documents, lenient)} == {0.4}


@pytest.mark.parametrize(
    ("fields", "mean"),
    [
        ({}, (0.4 + 0.7 + 0.1) / 3),
        ({"weights": [2, 1, 0]}, (2 * 0.4 + 0.7) / 3),
        ({"average": {"of": "groups"}}, (0.55 + 0.1) / 2),
        ({"average": {"of": "groups"}, "weights": [3, 1, 1]}, (0.475 + 0.1) / 2),
        (
            {"average": {"of": "groups"}, "groups": [{"title": "X"}, {"title": "Y", "weight": 3}]},
            (0.55 + 3 * 0.1) / 4,
        ),
        ({"average": {"scores": "normalised"}}, (0.2 + 0.4 + 0.0) / 3),
    ],
)
def test_an_average_is_made_as_the_suite_says(fields, mean):
    weights = fields.pop("weights", [1, 1, 1])
    columns = [("a", "X", 0.25), ("b", "X", 0.5), ("c", "Y", 0.25)]
    suite = Suite.model_validate(
        {
            "name": "s",
            "title": "S",
            "benchmarks": [
                {"key": key, "title": key, "group": group, "baseline": baseline, "weight": weight}
                for (key, group, baseline), weight in zip(columns, weights, strict=True)
            ],
            **fields,
        }
    )

    assert average({"a": 0.4, "b": 0.7, "c": 0.1}, suite) == pytest.approx(mean)
    assert sum(suite.shares) == pytest.approx(1)
    missing = average({"a": 0.4, "b": 0.7}, suite)
    assert (missing is None) == (weights[2] > 0)
