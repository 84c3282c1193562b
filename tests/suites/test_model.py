import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evalboard.errors import ConfigError
from evalboard.records.columns import MODEL_COLUMNS
from evalboard.suites.loader import load_suite
from evalboard.suites.model import DataSource, Suite
from evalboard.suites.texts import in_language


def suite(*benchmarks: dict[str, Any], **fields: Any) -> Suite:
    titled = [{"title": "A title", **benchmark} for benchmark in benchmarks]
    content = {"name": "small", "title": "Small", "benchmarks": titled}
    return Suite.model_validate(content | fields)


def test_a_benchmark_needs_no_more_than_a_key_and_a_title() -> None:
    (benchmark,) = suite({"key": "anatomy"}).benchmarks
    assert benchmark.task_name == "anatomy"
    assert (benchmark.metric, benchmark.num_fewshot, benchmark.baseline) == ("acc,none", 0, 0.0)


def test_a_task_may_have_another_name() -> None:
    (benchmark,) = suite({"key": "anatomy", "task": "mmlu_anatomy"}).benchmarks
    assert (benchmark.key, benchmark.task_name) == ("anatomy", "mmlu_anatomy")


def test_a_group_has_its_subjects_as_benchmarks_of_their_own() -> None:
    group = {
        "key": "mmlu",
        "title": "MMLU",
        "tasks": ["mmlu_college_biology", "virology"],
        "num_fewshot": 5,
        "baseline": 0.25,
        "metric": "acc_norm,none",
        "source": {"repo": "org/mmlu"},
    }
    (benchmark,) = suite(group).benchmarks
    assert benchmark.task_name == "mmlu"
    assert [subject.key for subject in benchmark.subjects] == ["mmlu_college_biology", "virology"]
    assert [s.title for s in benchmark.subjects] == ["MMLU: college biology", "MMLU: virology"]
    for subject in benchmark.subjects:
        kept = {"metric", "num_fewshot", "baseline", "source"}
        assert subject.model_dump(include=kept) == benchmark.model_dump(include=kept)
        assert subject.task_name == subject.key
        assert subject.subjects == ()


def test_a_single_task_has_no_subjects() -> None:
    (benchmark,) = suite({"key": "anatomy", "task": "mmlu_anatomy"}).benchmarks
    assert benchmark.subjects == ()


def test_the_standard_error_has_the_name_that_lm_eval_gives_it() -> None:
    (one, two) = suite({"key": "a"}, {"key": "b", "metric": "exact_match,strict-match"}).benchmarks
    assert (one.stderr_metric, two.stderr_metric) == (
        "acc_stderr,none",
        "exact_match_stderr,strict-match",
    )


@pytest.mark.parametrize(
    ("benchmarks", "reason"),
    [
        ([{"key": "a"}, {"key": "g", "tasks": ["a", "b"]}], "duplicate benchmark keys: a"),
        ([{"key": "g", "tasks": ["g", "b"]}], "duplicate benchmark keys: g"),
        ([{"key": "g", "tasks": ["b", "b"]}], "duplicate benchmark keys: b"),
        (
            [{"key": "a", "task": "b"}, {"key": "g", "tasks": ["b", "c"]}],
            "duplicate lm_eval tasks: b",
        ),
        (
            [{"key": "a", "task": "g"}, {"key": "g", "tasks": ["b", "c"]}],
            "duplicate lm_eval tasks: g",
        ),
        ([{"key": "g", "tasks": ["a", "average"]}], "already columns of the board: average"),
        ([{"key": "g", "tasks": ["a", "b__n"]}], "pattern"),
    ],
)
def test_subjects_are_columns_too(benchmarks: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        suite(*benchmarks)


# The others have two underscores in a row, as no key of a benchmark has.
@pytest.mark.parametrize("key", [column for column in MODEL_COLUMNS if "__" not in column])
def test_a_benchmark_cannot_take_the_name_of_another_column(key: str) -> None:
    with pytest.raises(ValidationError, match=f"already columns of the board: {key}"):
        suite({"key": "anatomy"}, {"key": key})


def test_keys_stand_once() -> None:
    with pytest.raises(ValidationError, match="duplicate benchmark keys: anatomy"):
        suite({"key": "anatomy"}, {"key": "doses"}, {"key": "anatomy", "task": "other"})


@pytest.mark.parametrize(
    "benchmarks",
    [
        [{"key": "anatomy"}, {"key": "doses", "task": "anatomy"}],
        [{"key": "zero", "task": "anatomy"}, {"key": "five", "task": "anatomy", "num_fewshot": 5}],
    ],
)
def test_tasks_stand_once(benchmarks: list[dict[str, Any]]) -> None:
    """Result documents tell benchmarks apart by lm_eval's task name alone."""
    with pytest.raises(ValidationError, match="duplicate lm_eval tasks: anatomy"):
        suite(*benchmarks)


@pytest.mark.parametrize(
    "benchmark",
    [
        {"key": "Anatomy"},
        {"key": "a__stderr"},
        {"key": "_a"},
        {"key": "a-b"},
        {"key": ""},
        {"key": "a", "num_fewshot": -1},
        {"key": "a", "baseline": 1},
        {"key": "a", "fewshot": 5},
        {"key": "a", "source": {}},
        {"key": "a", "source": {"repo": "org/a", "files": {"test": "a.parquet"}}},
        {"key": "a", "source": {"files": {"test": "a.parquet"}, "branch": "main"}},
        {"key": "a", "task": "b", "tasks": ["c", "d"]},
        {"key": "a", "tasks": ["b"]},
        {"key": "a", "tasks": ["b", "c"], "source": {"files": {"test": "a.parquet"}}},
        {"key": "a", "tasks": ["b", "c"], "source": {"repo": "org/a", "config": "b"}},
    ],
)
def test_what_a_benchmark_cannot_be(benchmark: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        suite(benchmark)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Two Words"},
        {"benchmarks": []},
        {"weights": [1]},
        {"average": {"of": "questions"}},
        {"average": "plain"},
        {"average": {"of": "groups"}},  # the benchmark has none
        {"ranked": {"needs": "half"}},
        {"ranked": {"without": ["cut_answers"]}},
        {"groups": [{"title": "Exams"}]},
        {"benchmarks": [{"key": "a", "title": "A", "weight": 0}]},
        {"benchmarks": [{"key": "a", "title": "A", "weight": -1}]},
        {"benchmarks": [{"key": "a", "title": "A", "weight": math.inf}]},
        {
            "benchmarks": [{"key": "a", "title": "A", "group": "Exams"}],
            "groups": [{"title": "Exams", "weight": 2}],  # of an average of benchmarks
        },
        {
            "benchmarks": [{"key": "a", "title": "A", "group": "Exmas"}],
            "groups": [{"title": "Exams"}],
        },
    ],
)
def test_what_a_suite_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        suite(**({"benchmarks": [{"key": "a", "title": "A"}]} | fields))


def test_a_subject_is_selected_by_its_key() -> None:
    whole = suite({"key": "a"}, {"key": "g", "tasks": ["b", "c", "d"]})
    assert whole.select(("c", "a")) == (whole.benchmarks[1].subjects[1], whole.benchmarks[0])
    assert whole.select(()) == whole.benchmarks
    with pytest.raises(ConfigError, match=r"'x'.*a, g \(or one of b, … d\)"):
        whole.select(("x",))


def test_benchmarks_are_selected_by_key() -> None:
    whole = suite({"key": "a"}, {"key": "b"}, {"key": "c"})
    assert [b.key for b in whole.select(())] == ["a", "b", "c"]
    assert [b.key for b in whole.select(("c", "a"))] == ["c", "a"]
    with pytest.raises(ConfigError, match="'small' has no benchmark 'd'. Use one of: a, b, c"):
        whole.select(("a", "d"))


def test_the_hash_is_over_what_is_asked_not_over_where_files_lie() -> None:
    whole = suite({"key": "a"})
    assert whole.model_copy(update={"tasks": Path("/elsewhere")}).content_hash == whole.content_hash
    assert suite({"key": "a", "num_fewshot": 1}).content_hash != whole.content_hash
    told = suite({"key": "a", "about": {"origin": "somebody"}}, about="x", citation="y")
    assert told.content_hash == whole.content_hash
    assert suite({"key": "a", "weight": 1}, average={}).content_hash == whole.content_hash
    assert suite({"key": "a", "weight": 2}).content_hash != whole.content_hash
    assert suite({"key": "a"}, ranked={"needs": "averaged"}).content_hash != whole.content_hash
    again = Suite.model_validate_json(whole.model_dump_json())
    assert again.content_hash == whole.content_hash


def test_the_hashes_of_earlier_suites_stay() -> None:
    """Of the files as they were before suites had weights."""
    assert load_suite("open-llm-v1").content_hash.startswith("574b63e277c587d5")
    assert load_suite("open-medical").content_hash.startswith("9d18a8d72673cf88")


def test_texts_are_plain_or_in_languages() -> None:
    assert in_language("plain", "de") == "plain"
    assert in_language({"de": "deutsch", "en": "english"}, "de") == "deutsch"
    assert in_language({"de": "deutsch", "en": "english"}, "fr") == "english"
    assert in_language({"it": "italiano"}, "de") == "italiano"


@pytest.mark.parametrize(
    "about",
    [
        {"link": "javascript:alert(1)"},
        {"link": "https://host/a b"},
        {"tests": {}},
        {"tests": {"English": "x"}},
        {"questions": 0},
        {"unknown": "x"},
    ],
)
def test_refuses_what_the_about_page_could_not_show(about: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        suite({"key": "a", "about": about})


def test_a_source_is_a_repository_or_files() -> None:
    assert DataSource(repo="org/a", revision="v1").files is None
    assert DataSource(files={"test": "a.parquet"}).repo is None
