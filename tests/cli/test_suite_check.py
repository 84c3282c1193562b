"""`evalboard suite check` on suite files that are wrong in every way it knows."""

import json
import re
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.suites.loader import shipped_suites

SUITE = """\
name: small
title: Small
tasks: definitions
benchmarks:
  - key: choices
    title: Choices
    group: Exams
  - key: words
    title: Words
    metric: exact_match,none
    group: Exams
"""
CHOICES = """\
task: choices
dataset_path: org/choices
output_type: multiple_choice
test_split: test
doc_to_text: question
doc_to_choice: [A, B]
doc_to_target: answer
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
WORDS = """\
task: words
dataset_path: org/words
output_type: generate_until
test_split: test
doc_to_text: question
doc_to_target: answer
generation_kwargs: {until: [], max_gen_toks: 8192}
"""
FEWSHOT = "    num_fewshot: 5\n"


def check(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    suite: str,
    choices: str = CHOICES,
    words: str = WORDS,
) -> list[tuple[int, str]]:
    """Return what is found in a suite file, by line."""
    definitions = folder / "definitions"
    definitions.mkdir(exist_ok=True)
    (definitions / "choices.yaml").write_text(choices, encoding="utf-8")
    (definitions / "words.yaml").write_text(words, encoding="utf-8")
    file = folder / "small.yaml"
    file.write_text(suite, encoding="utf-8")
    code = main(["suite", "check", str(file), "--json"])
    found = [(one["line"], one["message"]) for one in json.loads(capsys.readouterr().out)]
    assert code == (1 if found else 0)
    return found


def test_a_right_file_has_no_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, capsys, SUITE) == []
    assert main(["suite", "check", str(tmp_path / "small.yaml")]) == 0
    assert capsys.readouterr().out.endswith("small.yaml: no mistakes. Benchmarks: 2.\n")


OF_LANGUAGES = [name for name in shipped_suites() if re.fullmatch("medical-..", name)]


@pytest.mark.parametrize(
    "name",
    [
        *sorted({*shipped_suites()} - {*OF_LANGUAGES}),
        *(pytest.param(name, marks=pytest.mark.slow) for name in OF_LANGUAGES),
    ],
)
def test_every_shipped_suite_is_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suite", "check", name]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("title: Small", "title: [", 4, "This is not YAML: "),
        (SUITE, "- a\n- b\n", 1, "A suite file is a mapping with `name`, `title` and"),
        ("name: small\n", "", 1, "`name` is missing."),
        (
            "name: small",
            "name: small\ncompared_with: open-medica",
            2,
            "There is no suite 'open-medica'. The nearest are open-medical, ",
        ),
        (
            "name: small",
            "name: small\ncompared_with: small",
            2,
            "a suite cannot be compared with itself",
        ),
        (
            "    title: Words",
            "    title: Words\n    compared_with: pubmedqa",
            10,
            "the suite names no other suite in its own `compared_with`",
        ),
        (
            "benchmarks:\n  - key: choices",
            "compared_with: open-medical\nbenchmarks:\n  - key: choices\n    compared_with: medqa",
            7,
            "Suite 'open-medical' has no benchmark 'medqa'. The nearest are ",
        ),
        ("name: small", "name: Two Words", 1, "name: String should match pattern"),
        ("title: Small", "titel: Small", 2, "A suite has no 'titel'. It has: name, title"),
        ("    title: Words", "    titel: Words", 9, "benchmarks.1.titel: Extra inputs"),
        ("    title: Words", "    title: Words\n    title: W", 10, "Duplicate key `title`. YAML"),
        (
            "    title: Choices",
            "    title: Choices\n    baseline: 25",
            7,
            "benchmarks.0.baseline: ",
        ),
        ("key: words", "key: choices\n    task: words", 8, "duplicate benchmark keys: choices"),
        ("key: words", "key: w\n    task: choices", 9, "duplicate lm_eval tasks: choices"),
        ("key: words", "key: average\n    task: words", 8, "already columns of the board: average"),
        ("tasks: definitions", "tasks: nowhere", 3, "There is no folder '"),
        ("benchmarks:", "average: {of: questions}\nbenchmarks:", 4, "average.of: Input should be"),
        ("benchmarks:", "ranked: {without: [cut]}\nbenchmarks:", 4, "there is no flag 'cut'; the"),
        ("benchmarks:", "groups: [{title: Exmas}]\nbenchmarks:", 4, "without a benchmark: Exmas"),
        (
            "    metric: exact_match,none",
            "    metric: acc,none",
            10,
            "has no metric 'acc,none'. Valid: exact_match,none.",
        ),
        (
            "    title: Choices\n",
            f"    title: Choices\n{FEWSHOT}",
            7,
            "has no split for its 5 examples",
        ),
        (
            "    title: Choices\n",
            "    title: Choices\n    source: {files: {train: a.parquet}}\n",
            7,
            "asks the split 'test', but `files` has: train.",
        ),
        (
            "key: choices",
            "key: c\n    task: headqa_em",
            6,
            "lm_eval has no task 'headqa_em'. The nearest names are headqa_",
        ),
        (
            "    title: Words",
            "    title: Words\n    answers: choices",
            10,
            "Task 'words' is answered by words, not by choices.",
        ),
        (
            "key: choices",
            "key: m\n    task: mmlu",
            6,
            "'mmlu' is a group of lm_eval. List its tasks under",
        ),
        (
            "key: choices",
            "key: p\n    task: wikitext\n    metric: word_perplexity,none",
            7,
            "not a fraction in [0, 1]",
        ),
    ],
)
def test_a_mistake_has_its_line_and_says_what_is_wrong(
    old: str, new: str, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in SUITE
    found = check(tmp_path, capsys, SUITE.replace(old, new, 1))
    assert [at for at, said in found if message in said] == [line], found


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("until: []", "until: ['.']", 8, "stops at '.', which would cut a thinking"),
        ("until: []", "until: ['</think>']", 8, "stops at '</think>', which would cut a thinking"),
        ("until: [], ", "", 8, r"stops at '\n\n', which would cut a thinking"),
        ("8192", "81920000", 8, "No model writes 81,920,000 tokens: the longest reads"),
        ("8192", "0", 8, "No model writes 0 tokens"),
        ("test_split: test\n", "", 8, "names no test or validation split, so it has no questions"),
        (
            "doc_to_text: question",
            "doc_to_text: !function nothing.text",
            8,
            "The definition words.yaml cannot be read",
        ),
        ("doc_to_text: question", "doc_to_text: [", 8, "The definition words.yaml cannot be read"),
    ],
)
def test_a_mistake_in_a_definition_is_found_where_the_suite_names_it(
    old: str, new: str, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in WORDS
    found = check(tmp_path, capsys, SUITE, words=WORDS.replace(old, new, 1))
    assert [at for at, said in found if message in said] == [line], found


def test_no_stop_text_ends_an_answer_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = SUITE.replace("benchmarks:", "generation: {max_tokens: 99999999}\nbenchmarks:")
    words = WORDS.replace("until: []", "until: ['Question:']")
    assert check(tmp_path, capsys, SUITE, words=words) == []
    found = check(tmp_path, capsys, suite, words=words)
    assert [line for line, _ in found] == [4, 9]
    assert "No model writes 99,999,999 tokens" in found[0][1]
    assert "stops at 'Question:'" in found[1][1]


def test_a_short_text_may_end_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer of a few words has no room for a thinking."""
    words = WORDS.replace("until: [], max_gen_toks: 8192", "until: ['.'], max_gen_toks: 32")
    assert check(tmp_path, capsys, SUITE, words=words) == []


def test_all_mistakes_are_found_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = SUITE.replace("name: small", "name: A B").replace("title: Choices", "titel: Choices")
    wrong = wrong.replace("exact_match,none", "f1,none") + "  - {key: words, title: Again}\n"
    found = check(tmp_path, capsys, wrong, words=WORDS.replace("[]", "['.']"))
    said = "\n".join(f"{line}: {message}" for line, message in found)
    for part in (
        "1: name: ",
        "5: benchmarks.0.title: Field required",
        "6: benchmarks.0.titel: ",
        "8: Task 'words' stops at '.'",
        "10: Task 'words' has no metric 'f1,none'",
        "12: duplicate benchmark keys: words",
        "12: Task 'words' has no metric 'acc,none'",
    ):
        assert part in said
    assert [line for line, _ in found] == sorted(line for line, _ in found)


REPORTED = """\
- model: Closed
  setting: 0-shot
  source: A paper
  link: https://example.org
  percent:
    choices: 50.5
    words: 25
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("- model", "- [model", 2, "This is not YAML: "),
        (REPORTED, "model: Closed\n", 1, "A file with reported scores is a list of entries"),
        (
            "choices:",
            "choises:",
            6,
            "The suite has no benchmark 'choises'. The nearest are choices",
        ),
        ("50.5", "101", 6, "0.percent.choices: Input should be less than or equal to 100"),
        ("https://", "", 4, "0.link: String should match pattern"),
        ("  source: A paper\n", "", 1, "0.source: Field required"),
        ("  setting", "  setings: a\n  setting", 2, "0.setings: Extra inputs are not permitted"),
        ("words: 25", "choices: 25", 7, "Duplicate key `choices`. YAML"),
        (REPORTED, REPORTED * 2, 8, "An earlier entry has 'Closed', '0-shot' from this source."),
    ],
)
def test_a_mistake_in_reported_scores_has_their_file_and_line(
    old: str, new: str, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = SUITE.replace("title: Small", "title: Small\nreported: published.yaml")
    file = tmp_path / "published.yaml"
    file.write_text(REPORTED, encoding="utf-8")
    assert check(tmp_path, capsys, suite) == []
    assert old in REPORTED
    file.write_text(REPORTED.replace(old, new, 1), encoding="utf-8")
    found = check(tmp_path, capsys, suite)
    assert [at for at, said in found if message in said] == [line], found
    assert main(["suite", "check", str(tmp_path / "small.yaml")]) == 1
    assert f"published.yaml:{line}: {message}" in capsys.readouterr().out


def test_reported_scores_that_are_missing_are_a_mistake_of_the_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = SUITE.replace("title: Small", "title: Small\nreported: published.yaml")
    ((line, message),) = check(tmp_path, capsys, suite)
    assert line == 3
    assert "published.yaml" in message
