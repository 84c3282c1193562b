"""A board that remembers its last build is the board that a new installation builds from the same results.

All files are equal byte for byte, whatever changed; the description alone also names the rows that left.
"""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evalboard import answer_memory, document_memory
from evalboard.board import standings
from evalboard.identity import document_folder
from evalboard.publishing import publish_board
from evalboard.ranking import ranges
from evalboard.records.board_files import META_FILE
from evalboard.records.notice import Notice, NoticeKind
from evalboard.records.parquet import parquet_file
from evalboard.settings import Settings, load_settings
from evalboard.stores import listing, local
from evalboard.stores.addresses import open_archive, open_notices
from tests.result_documents import result_document

KEYS, N = ("mmlu_anatomy", "medmcqa"), 60
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SUITE = """
name: small
title: Small
benchmarks:
  - {key: mmlu_anatomy, title: Anatomy, baseline: 0.25}
  - {key: medmcqa, title: MedMCQA}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Six models on a board that counts as large."""
    monkeypatch.setattr(answer_memory, "HOLM_ROWS", 0)
    monkeypatch.setattr(standings, "rank", lambda *given: ranges.rank(*given, holm_rows=0))
    monkeypatch.setattr(ranges, "CHANGED_SHARE", 1)
    monkeypatch.setattr(listing, "MANY_FILES", 1)
    monkeypatch.setattr(listing, "SETTLED_NANOSECONDS", -(10**12))
    (tmp_path / "small.yaml").write_text(SUITE, encoding="utf-8")
    update = {"home": tmp_path / "home", "suite": str(tmp_path / "small.yaml")}
    made = load_settings().model_copy(update=update)
    for number in range(6):
        add(made, number, right=6 * number)
    return made


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each time that all pairs are compared."""
    found: list[bool] = []
    every = ranges._count_by_bonferroni
    monkeypatch.setattr(ranges, "_count_by_bonferroni", lambda p: found.append(True) or every(p))
    return found


def add(settings: Settings, number: int, right: int, **told: Any) -> None:
    """Store a model whose first answers are right; of the second benchmark, some of them only in part."""
    shares = {"mmlu_anatomy": [float(n < right) for n in range(N)]}
    shares["medmcqa"] = [0.5 if n == 2 else share for n, share in enumerate(shares["mmlu_anatomy"])]
    document = result_document(
        {
            key: {"acc,none": sum(values) / N, "acc_stderr,none": 0.05}
            for key, values in shares.items()
        },
        n=N,
        config={"model_name": f"lab/m{number}"},
        suite="small",
        benchmark_keys={key: f"{key} {number} {told}" for key in KEYS},
        **told,
    )
    if not number:  # its answers to one benchmark, all of them wrong, are not stored
        del shares["mmlu_anatomy"]
    open_archive(settings).add(document, {key: answers(values) for key, values in shares.items()})


def answers(earned: list[float]) -> bytes:
    is_whole = set(earned) <= {0.0, 1.0}
    rows: dict[str, Any] = {
        "question_id": list(range(N)),
        "doc_hash": [f"h{n}" for n in range(N)],
        "correct": pa.array([bool(value) if is_whole else None for value in earned], pa.bool_()),
        "earned": earned,
    }
    return parquet_file(pa.table(rows))


def replace(settings: Settings) -> None:
    add(settings, 2, right=31, finished_time="2026-11-22T10:00:00Z")


def remove(settings: Settings) -> None:
    folder = document_folder(result_document({}, config={"model_name": "lab/m3"}, suite="small"))
    shutil.rmtree(Path(settings.store_address("results")) / folder)


def flag(settings: Settings) -> None:
    notice = Notice(model="lab/m4", kind=NoticeKind.FLAGGED, reason="seen the test")
    open_notices(settings).change(lambda notices: (*notices, notice), message="flag")


def edit(settings: Settings) -> None:
    """Change a score by hand, in place."""
    (path,) = Path(settings.store_address("results")).glob("lab/m1/**/results_*.json")
    document = json.loads(path.read_bytes())
    document["results"]["medmcqa"]["acc,none"] = 0.75
    path.write_text(json.dumps(document), encoding="utf-8")


def change_suite(settings: Settings) -> None:
    changed = SUITE.replace("title: MedMCQA", "title: MedMCQA, weight: 3, baseline: 0.2")
    Path(settings.suite).write_text(changed, encoding="utf-8")


def board(settings: Settings) -> dict[str, bytes | dict[str, Any]]:
    """Build the board, and return its files without the rows that left it."""
    publish_board(settings, now=NOW)
    folder = Path(settings.store_address("board"))
    files: dict[str, Any] = {file.name: file.read_bytes() for file in folder.glob("[a-z]*.*")}
    files[META_FILE] = json.loads(files[META_FILE]) | {"gone": []}
    return files


def board_anew(settings: Settings) -> dict[str, bytes | dict[str, Any]]:
    """Build the board in an installation that knows nothing but the results."""
    home = settings.home.with_name("new")
    shutil.rmtree(home, ignore_errors=True)
    results = Path(settings.store_address("results"))
    shutil.copytree(results, home / results.relative_to(settings.home))
    return board(settings.model_copy(update={"home": home}))


CHANGES: dict[str, Callable[[Settings], None]] = {
    "a result more": lambda settings: add(settings, 6, right=33),
    "a result in place of another": replace,
    "a result less": remove,
    "a flag": flag,
    "a file that was edited": edit,
    "another suite": change_suite,
}


def forget() -> None:
    """Forget all that only a process remembers."""
    document_memory._remembered.clear()
    local._listings.clear()


@pytest.mark.parametrize("is_new_process", [False, True], ids=["process", "new process"])
def test_the_board_is_that_of_a_fresh_build(
    settings: Settings, compared: list[bool], is_new_process: bool
) -> None:
    before = board(settings)
    for name, change in CHANGES.items():
        change(settings)
        if is_new_process:
            forget()
        compared.clear()
        after = board(settings)
        assert bool(compared) == (name == "another suite"), name
        assert after == board_anew(settings), name
        assert after != before, name
        before = after
