import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.stores.local import LocalStore
from evalboard.suites.model import Benchmark
from leaderboard_app.prompts import doc_hash
from leaderboard_app.question_filter import QuestionFilter
from leaderboard_app.questions import Source, questions_document
from leaderboard_app.recent_snapshots import RecentSnapshots
from tests.leaderboard_app.answered import (
    SUITE,
    write_answers,
    write_document,
    write_mirror,
)

KEY = "medmcqa"
N = 60


class Stored(NamedTuple):
    """Two rows with stored answers."""

    source: Source
    rows: list[dict[str, Any]]
    benchmark: Benchmark


@pytest.fixture
def stored(tmp_path: Path, make_row: Callable[..., Any]) -> Stored:
    first, second = (make_row(name, 0.5, medmcqa__n=N) for name in ("org/first", "org/second"))
    results, mirror = tmp_path / "results", tmp_path / "mirror"
    definition = write_mirror(mirror, KEY, N)
    write_answers(results, first, KEY, [number % 2 == 0 for number in range(N)])
    write_answers(results, second, KEY, [number % 3 == 0 for number in range(N)])
    write_document(results, first, {KEY: definition})
    benchmark = Benchmark(key=KEY, title="MedMCQA", baseline=0.25)
    return Stored(
        Source(RecentSnapshots(LocalStore(results)), SUITE, mirror), [first, second], benchmark
    )


def ask(stored: Stored, *, models: int = 1, **chosen: Any) -> dict[str, Any]:
    rows = stored.rows[:models]
    return questions_document(stored.source, stored.benchmark, rows, QuestionFilter(**chosen))


def numbers(found: dict[str, Any]) -> list[int]:
    return [question["id"] for question in found["questions"]]


def test_shows_prompt_choices_probabilities_gold_and_answer(stored: Stored) -> None:
    question = ask(stored)["questions"][1]
    assert question["prompt"]["text"].startswith("Question 1 of medmcqa? <b>")
    assert question["choices"] == ["A", "B", "C", "D"]
    assert question["target"] == "B"
    (answer,) = question["answers"]
    assert answer["answer"] == "C"
    assert question["correct"] == [False]
    assert math.fsum(answer["probabilities"]) == pytest.approx(1)
    assert max(answer["probabilities"]) == answer["probabilities"][2]


def test_filters_right_wrong_and_where_models_differ(stored: Stored) -> None:
    found = ask(stored, models=2, limit=100)
    assert found["counts"] == {"all": 60, "right": 30, "wrong": 30, "differ": 30}
    assert numbers(ask(stored, show="right", limit=3)) == [0, 2, 4]
    assert numbers(ask(stored, show="wrong", limit=3)) == [1, 3, 5]
    assert numbers(ask(stored, models=2, show="differ", limit=4)) == [2, 3, 4, 8]


def test_pages_and_searches(stored: Stored) -> None:
    assert numbers(ask(stored, offset=58, limit=20)) == [58, 59]
    assert numbers(ask(stored, offset=100)) == []
    found = ask(stored, subject="Surgery", limit=100)
    assert found["total"] == 20
    assert {question["subject"] for question in found["questions"]} == {"Surgery"}
    assert numbers(ask(stored, search="17")) == [17]
    wanted = ask(stored)["questions"][5]["hash"]
    assert numbers(ask(stored, search=wanted[:12].upper())) == [5]
    assert ask(stored, search="surg")["total"] == 20
    assert ask(stored, search="no such thing")["total"] == 0


def test_counts_right_answers_by_subject_with_intervals(stored: Stored) -> None:
    subjects = {subject["key"]: subject for subject in ask(stored, models=2)["subjects"]}
    assert set(subjects) == {"Anatomy", "Surgery", "Skin"}
    anatomy = subjects["Anatomy"]
    assert anatomy["n"] == 20
    assert [score["score"] for score in anatomy["scores"]] == [0.5, 1.0]
    assert anatomy["scores"][1]["low"] < 1


def test_differences_come_from_the_same_questions(stored: Stored) -> None:
    none, difference = ask(stored, models=2)["differences"]
    assert none is None
    assert difference["paired"] is True
    assert difference["value"] == pytest.approx(20 / 60 - 30 / 60)
    assert difference["low"] < difference["value"] < difference["high"]


def test_questions_that_may_not_be_shown_are_numbers_only(stored: Stored) -> None:
    hidden = stored._replace(
        benchmark=stored.benchmark.model_copy(update={"show_questions": False})
    )
    found = ask(hidden, models=2)
    assert found["shown"] is False
    for question in found["questions"]:
        assert set(question) == {"id", "hash", "subject", "correct"}
    assert found["counts"]["differ"] == 30
    assert ask(stored, search="b\nc")["total"] == 60
    assert ask(hidden, search="b\nc")["total"] == 0


def test_models_without_stored_answers_have_no_questions(
    stored: Stored, make_row: Callable[..., Any]
) -> None:
    rows = [stored.rows[0], make_row("org/other", 0.1)]
    found = questions_document(stored.source, stored.benchmark, rows, QuestionFilter())
    assert found["stored"] is False
    other = stored.benchmark.model_copy(update={"key": "pubmedqa"})
    assert (
        questions_document(stored.source, other, stored.rows[:1], QuestionFilter())["stored"]
        is False
    )


def test_only_questions_that_all_models_were_asked_are_joined(
    stored: Stored, tmp_path: Path
) -> None:
    write_answers(tmp_path / "results", stored.rows[1], KEY, [True] * 10)
    found = ask(stored, models=2)
    assert found["counts"]["all"] == 10
    assert found["differences"] == [None, None]


def test_a_question_that_changed_in_the_mirror_is_not_shown(stored: Stored, tmp_path: Path) -> None:
    write_mirror(tmp_path / "mirror", KEY, N)
    file = tmp_path / "mirror" / "sets" / KEY / "default" / "test.parquet"
    questions = pq.read_table(file).to_pylist()
    questions[0]["question"] = "Another question"
    pq.write_table(pa.Table.from_pylist(questions), file)
    first, second, *_ = ask(stored)["questions"]
    assert first["prompt"] is None
    assert second["prompt"] is not None


@pytest.mark.parametrize(
    "template",
    [
        "def doc_to_text(doc):\n    return doc['question']\n",
        "{{ question.__class__.__mro__[1].__subclasses__() }}",
        "{{ no_such_field }}",
        "{% for",
        None,
    ],
)
def test_where_no_template_gives_the_prompt_the_fields_are_shown(
    stored: Stored, tmp_path: Path, template: str | None
) -> None:
    definition = write_mirror(tmp_path / "mirror", KEY, N) | {"doc_to_text": template}
    write_document(tmp_path / "results", stored.rows[0], {KEY: definition})
    prompt = ask(stored)["questions"][0]["prompt"]
    assert prompt["text"] is None
    assert prompt["fields"]["question"].strip().startswith("Question 0")
    assert prompt["fields"]["answer"] == "0"


@pytest.mark.parametrize("place", ["../outside", "/etc", "sets/../../outside"])
def test_no_question_is_read_from_outside_the_mirror(
    stored: Stored, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside" / "default" / "test.parquet"
    outside.parent.mkdir(parents=True)
    inside = tmp_path / "mirror" / "sets" / KEY / "default" / "test.parquet"
    outside.write_bytes(inside.read_bytes())
    definition = {"dataset_path": place, "test_split": "test", "doc_to_text": "question"}
    write_document(tmp_path / "results", stored.rows[0], {KEY: definition})
    assert ask(stored)["questions"][0]["prompt"] is None


def test_generated_texts_are_shown_with_what_was_read_from_them(
    stored: Stored, tmp_path: Path
) -> None:
    file = write_answers(tmp_path / "results", stored.rows[0], KEY, [True])
    (row,) = pq.read_table(file).to_pylist()
    row |= {"choices": None, "loglikelihoods": None, "output": "so #### 4", "extracted": "4"}
    pq.write_table(pa.Table.from_pylist([row | {"correct": None}]), file)
    found = ask(stored)
    (question,) = found["questions"]
    (answer,) = question["answers"]
    assert (answer["output"], answer["extracted"]) == ("so #### 4", "4")
    assert question["choices"] == answer["probabilities"] == []
    assert found["subjects"] == []


def test_answers_in_words_are_shown_with_what_was_read_or_their_state(
    stored: Stored, tmp_path: Path
) -> None:
    file = write_answers(tmp_path / "results", stored.rows[0], KEY, [True])
    (row,) = pq.read_table(file).to_pylist()
    row |= {"loglikelihoods": None, "output": "Perhaps B", "extracted": "", "state": "unfinished"}
    pq.write_table(pa.Table.from_pylist([row | {"correct": None}]), file)
    found = ask(stored)
    (question,) = found["questions"]
    (answer,) = question["answers"]
    assert (answer["output"], answer["extracted"]) == ("Perhaps B", "unfinished")
    assert question["choices"] == answer["probabilities"] == []
    assert found["subjects"] == []


def test_a_question_has_the_hash_that_lm_eval_gives_it() -> None:
    utils = pytest.importorskip("lm_eval.utils")
    document = {"question": "Größe <b>?", "choices": ["a", "b"], "n": 1, "nested": {"x": [0.5]}}
    text = json.dumps(document, indent=2, default=utils.handle_non_serializable, ensure_ascii=False)
    assert doc_hash(document) == utils.hash_string(text)
