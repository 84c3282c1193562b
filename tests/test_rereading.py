"""Stored answers in words are read again, as a user does it."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evalboard.cli import main
from evalboard.identity import document_folder
from evalboard.reading.reader import READER
from evalboard.records.parquet import parquet_file
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_store
from evalboard.stores.board import read_board
from evalboard.stores.results import AnswersName, answers_path, read_answers
from tests.result_documents import result_document

KEY = "mmlu_anatomy_cot"
CHOICES = ["Aspirin", "Ibuprofen", "Warfarin", "Heparin"]
TEXTS: list[dict[str, Any]] = [
    {"raw": "I weigh.</think>Answer: B", "output": "Answer: B", "target": "B"},
    {"raw": "The answer is B.", "output": "The answer is B.", "target": "B"},
    {"raw": "Answer: C", "output": "Answer: C", "target": "B"},
    {"raw": "Perhaps B. Answer: B", "output": "", "target": "B"},
    {"raw": "I weigh. Answer: B", "thinking_opened": True, "target": "B"},
]
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("doc_hash", "subject", "target", "answer", "extracted")),
        *((name, pa.string()) for name in ("output", "raw", "ended", "state", "rule")),
        ("question_id", pa.int64()),
        ("correct", pa.bool_()),
        ("thinking_opened", pa.bool_()),
        ("choices", pa.list_(pa.string())),
    ]
)


def answers(**changes: Any) -> bytes:
    """Return answers that an earlier reader could not read."""
    rows = [
        {
            "question_id": number,
            "doc_hash": str(number),
            "choices": CHOICES,
            "ended": "eos",
            "correct": False,
            "state": "unreadable",
            "answer": "",
            "output": text["raw"],
            "thinking_opened": False,
            **text,
            **changes,
        }
        for number, text in enumerate(TEXTS)
    ]
    return parquet_file(pa.Table.from_pylist(rows, schema=SCHEMA))


def document(finished: str, *, reader: str = "evalboard-0", suite: str = "open-medical-cot") -> Any:
    tokens = {"median_tokens,none": 9.0, "p95_tokens,none": 20.0}
    return result_document(
        {KEY: {"alias": KEY, "acc,none": 0.0, "unreadable,none": 1.0, **tokens}},
        n=len(TEXTS),
        config={"use_chat_template": True},
        suite=suite,
        readers={KEY: reader},
        finished_time=finished,
    )


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path))
    monkeypatch.setenv("EVALBOARD_SUITE", "open-medical-cot")
    return Settings.model_validate({"home": tmp_path, "suite": "open-medical-cot"})


def test_scores_states_and_the_board_are_those_of_the_reader_of_this_version(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = open_archive(settings)
    made = document("2026-11-21T10:00:00Z")
    path = archive.add(made, {KEY: answers()})
    assert main(["reread"]) == 0
    assert f"org/model ({KEY}): read by {READER}." in capsys.readouterr().out

    (changed,) = archive.read().documents
    expected = {"acc": 0.4, "strict_acc": 0.2, "read": 0.6, "unfinished": 0.4, "unreadable": 0.0}
    found = changed.results[KEY]
    assert {name: found[f"{name},none"] for name in expected} == pytest.approx(expected)
    assert found["acc_stderr,none"] == pytest.approx(math.sqrt(0.3 / 5))
    assert found["alias"] == KEY
    assert changed.evalboard.readers == {KEY: READER}
    assert changed.evalboard.finished_time == made.evalboard.finished_time
    snapshot = open_store(settings.store_address("results"), settings).snapshot()
    assert [name for name in snapshot.files if name.endswith(".json")] == [path]
    table = read_answers(snapshot, answers_path(document_folder(made), KEY)).table
    assert table.column("correct").to_pylist() == [True, True, False, False, False]
    assert table.column("answer").to_pylist() == ["B", "B", "C", "", ""]
    assert table.column("state").to_pylist() == ["read", "read", "read", "unfinished", "unfinished"]
    name = AnswersName(document_folder(made), KEY, by_subject=False)
    ((_, earned),) = archive.snapshot().earned([name])
    assert earned.values.mean() == pytest.approx(0.4)

    (row,) = read_board(open_board(settings)).frame.to_dict("records")
    assert row[KEY] == pytest.approx(0.4)
    assert row["read_share"] == pytest.approx(0.6)
    assert "format_or_limit" in row["flags"]

    assert main(["reread"]) == 0
    assert "have been read" in capsys.readouterr().out


def test_only_the_newest_of_two_documents_has_its_answers(settings: Settings) -> None:
    archive = open_archive(settings)
    old, new = document("2026-11-20T10:00:00Z"), document("2026-11-21T10:00:00Z")
    new.evalboard.benchmark_keys[KEY] = "another key"
    for one in (old, new):
        archive.add(one, {KEY: answers()})
    assert main(["reread"]) == 0
    readers = {d.evalboard.finished_time: d.evalboard.readers for d in archive.read().documents}
    assert readers == {
        old.evalboard.finished_time: {KEY: "evalboard-0"},
        new.evalboard.finished_time: {KEY: READER},
    }


@pytest.mark.parametrize(
    ("suite", "changes", "reason"),
    [
        ("open-medical-cot", {"choices": None}, "stored without its choices"),
        ("no-such-suite", {}, "'no-such-suite' has other benchmarks now, or is not here"),
    ],
)
def test_what_cannot_be_read_stays_and_says_why(
    suite: str,
    changes: dict[str, Any],
    reason: str,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = open_archive(settings)
    made = document("2026-11-21T10:00:00Z", suite=suite)
    archive.add(made, {KEY: answers(**changes)})
    assert main(["reread"]) == 1
    assert reason in capsys.readouterr().out
    assert archive.read().documents == [made]


def test_without_answers_in_words_nothing_is_read(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reread"]) == 0
    assert f"All stored answers in words have been read by {READER}." in capsys.readouterr().out
