import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evalboard.demo import facts
from evalboard.demo.questions import (
    BENCHMARKS,
    LETTERS,
    AbstractQuestion,
    ChoiceQuestion,
    make_benchmarks,
    read_practice,
    write_datasets,
)
from evalboard.errors import DataMissing

RELATIONS = [facts.BODY_SYSTEMS, facts.BONES, facts.DRUG_CLASSES, facts.DRUG_USES]


def test_questions_are_the_same_each_time():
    assert make_benchmarks() == make_benchmarks()
    assert make_benchmarks(seed=1) != make_benchmarks(seed=2)


def test_benchmarks_are_those_of_the_suite():
    assert tuple(make_benchmarks()) == BENCHMARKS


@pytest.mark.parametrize("key", BENCHMARKS)
def test_every_answer_is_right_equally_often(key: str):
    for questions in make_benchmarks()[key]:
        counts = Counter(question.target for question in questions)
        assert len(set(counts.values())) == 1
        assert len(counts) == (3 if key == "demo_abstracts" else 4)


@pytest.mark.parametrize("key", BENCHMARKS)
def test_test_questions_are_as_many_as_promised_and_all_different(key: str):
    test = make_benchmarks()[key].test
    assert len({question.prompt for question in test}) == len(test) == 120


@pytest.mark.parametrize("key", BENCHMARKS[:2])
def test_no_question_stands_in_both_splits(key: str):
    train, test = make_benchmarks()[key]
    assert not {q.question for q in train} & {q.question for q in test}


def test_no_abstract_stands_in_both_splits():
    train, test = make_benchmarks()["demo_abstracts"]
    findings = [
        {q.abstract.split(". ", 1)[1] for q in split if isinstance(q, AbstractQuestion)}
        for split in (train, test)
    ]
    assert not findings[0] & findings[1]


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_subject_has_one_right_answer(relation: facts.Relation):
    subjects = [subject for subject, _ in relation.facts]
    assert len(set(subjects)) == len(subjects)


@pytest.mark.parametrize("key", BENCHMARKS[:2])
def test_the_right_choice_is_the_fact_and_stands_once(key: str):
    known = {fact for relation in RELATIONS for fact in relation.facts}
    for question in [q for split in make_benchmarks()[key] for q in split]:
        assert isinstance(question, ChoiceQuestion)
        assert len(set(question.choices)) == 4
        right = question.choices[question.answer]
        assert any(s in question.question for s, answer in known if answer == right)


def test_reordering_keeps_the_right_choice():
    question = ChoiceQuestion("q", ["a", "b", "c", "d"], 1)
    reordered = question.reordered([3, 1, 0, 2])
    assert reordered.choices == ["d", "b", "a", "c"]
    assert reordered.target == " B"
    assert reordered.reordered([1, 0, 2, 3]).target == f" {LETTERS[0]}"


def test_practice_questions_come_back_as_written(demo_datasets: Path):
    written = {key: benchmark.train for key, benchmark in make_benchmarks().items()}
    assert read_practice(demo_datasets) == written


def test_written_again_the_files_are_the_same(demo_datasets: Path, tmp_path: Path):
    write_datasets(tmp_path)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.parquet"))
    assert len(files) == 6
    for file in files:
        assert (tmp_path / file).read_bytes() == (demo_datasets / file).read_bytes()


def test_missing_questions_are_named(tmp_path: Path):
    with pytest.raises(DataMissing, match=r"demo_anatomy.*train\.parquet"):
        read_practice(tmp_path)


def test_questions_need_no_model_library():
    code = "import sys, evalboard.demo.questions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
