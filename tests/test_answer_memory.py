"""Ranks of a board in stores: from answers to `board.parquet`, and again from what was kept."""

import io
import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evalboard import answer_memory
from evalboard.board import standings as board_standings
from evalboard.identity import document_folder
from evalboard.publishing import publish_board
from evalboard.ranking import ranges
from evalboard.records.board_files import TABLE_FILE
from evalboard.records.parquet import parquet_file
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings, load_settings
from evalboard.stores.addresses import open_archive, open_board, open_store
from evalboard.stores.protocol import Delete, Write
from evalboard.stores.results import earned_path
from tests.result_documents import result_document

KEY, N = "mmlu_anatomy", 100
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    update = {"home": tmp_path / "home", "suite": "open-medical"}
    return load_settings().model_copy(update=update)


def document(model: str, score: float) -> ResultDocument:
    return result_document(
        {KEY: {"acc,none": score}},
        n=N,
        config={"model_name": model},
        run_key=model,
        benchmark_keys={KEY: model},
    )


def add(settings: Settings, model: str, right: int) -> ResultDocument:
    """Store a model whose first answers are right."""
    made = document(model, right / N)
    rows = {
        "question_id": list(range(N)),
        "doc_hash": [f"h{n}" for n in range(N)],
        "correct": [n < right for n in range(N)],
    }
    open_archive(settings).add(made, {KEY: parquet_file(pa.table(rows))})
    return made


def ranges_of(settings: Settings) -> dict[str, tuple[int, int, int]]:
    publish_board(settings, now=NOW)
    content = open_board(settings).snapshot().read(TABLE_FILE)
    frame = pd.read_parquet(io.BytesIO(content)).set_index("model")
    columns = [f"{KEY}__rank", f"{KEY}__rank_low", f"{KEY}__rank_high"]
    return {str(model): tuple(row) for model, row in frame[columns].iterrows()}


def test_the_board_is_ranked_by_the_stored_answers(settings: Settings) -> None:
    for model, right in (("lab/a", 60), ("lab/b", 40), ("lab/c", 42)):
        add(settings, model, right)
    assert ranges_of(settings) == {"lab/a": (1, 1, 1), "lab/b": (3, 2, 3), "lab/c": (2, 2, 3)}
    assert not (settings.work_folder / "ranks").exists()


def test_older_results_are_compared_as_well(settings: Settings) -> None:
    older = add(settings, "lab/a", 60)
    add(settings, "lab/b", 40)
    path = earned_path(document_folder(older), KEY)
    results = open_store(settings.store_address("results"), settings)
    content = results.snapshot().read(path)
    results.commit([Delete(path)], message="as before")
    assert ranges_of(settings) == {"lab/a": (1, 1, 1), "lab/b": (2, 2, 2)}
    assert results.snapshot().read(path) == content


def test_a_large_board_compares_what_has_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answer_memory, "HOLM_ROWS", 3)
    monkeypatch.setattr(board_standings, "rank", lambda *a: ranges.rank(*a, holm_rows=3))
    whole: list[int] = []
    every = ranges._count_by_bonferroni
    monkeypatch.setattr(ranges, "_count_by_bonferroni", lambda p: whole.append(1) or every(p))
    monkeypatch.setattr(ranges, "CHANGED_SHARE", 0.5)
    for number in range(5):
        add(settings, f"lab/m{number}", 20 * number)
    first = ranges_of(settings)
    assert (first["lab/m4"], len(whole)) == ((1, 1, 1), 1)
    add(settings, "lab/new", 70)
    second = ranges_of(settings)
    assert (second["lab/m4"], second["lab/new"], len(whole)) == ((1, 1, 1), (2, 2, 2), 1)
    (kept,) = (settings.work_folder / "ranks").iterdir()
    kept.write_bytes(kept.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING):
        assert ranges_of(settings) == second
    assert "compared again" in caplog.text
    assert len(whole) == 2


def test_answers_that_were_replaced_are_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_memory, "HOLM_ROWS", 0)
    for model, right in (("lab/a", 60), ("lab/b", 59)):
        made = add(settings, model, right)
    ranges_of(settings)
    results = open_store(settings.store_address("results"), settings)
    path = earned_path(document_folder(made), KEY)
    results.commit([Write(path, b"damaged")], message="by hand")
    archive, work = open_archive(settings), answer_memory.WorkFolder(settings.work_folder)
    memory = answer_memory.AnswerMemory(archive, archive.snapshot(), work, "open-medical")
    assert memory.earlier
    names = [
        answer_memory.AnswersName(document_folder(document(model, 0.5)), KEY, by_subject=False)
        for model in ("lab/a", "lab/b")
    ]
    first, second = memory.find_answers(names)
    assert first
    assert np.count_nonzero(first.values) == 60
    assert second is None
