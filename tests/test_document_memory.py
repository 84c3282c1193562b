"""Documents of a board are read once, and again where that is needed."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard import document_memory
from evalboard.document_memory import DocumentMemory
from evalboard.records.result import ResultDocument
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Delete, Write
from evalboard.stores.results import ResultsArchive
from evalboard.stores.work import WorkFolder
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite
from tests.damage import DAMAGES
from tests.test_answer_memory import document

SUITE = load_suite("open-medical")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models whose documents are read."""
    names: list[str] = []
    parse = ResultDocument.from_json

    def read_one(content: bytes, *, path: str) -> ResultDocument:
        names.append(path.split("/")[1])
        return parse(content, path=path)

    monkeypatch.setattr(ResultDocument, "from_json", read_one)
    return names


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "results")
    store.commit([written(name, 0.1 * at) for at, name in enumerate("abc")], message="first")
    return store


def written(name: str, score: float) -> Write:
    return Write(f"lab/{name}/results.json", document(f"lab/{name}", score).to_json())


def scores(store: LocalStore, work: Path, suite: Suite = SUITE) -> dict[str, float]:
    """Read the documents as a new process does."""
    document_memory._remembered.clear()
    return scores_again(store, work, suite)


def scores_again(store: LocalStore, work: Path, suite: Suite = SUITE) -> dict[str, float]:
    memory = DocumentMemory(WorkFolder(work), [suite])
    attempts = memory.attempts(ResultsArchive(store).snapshot())[suite.name]
    return {a.identity.model[-1]: a.scores["mmlu_anatomy"].value for a in attempts}


@pytest.mark.parametrize("next_one", [scores, scores_again], ids=["process", "build"])
def test_the_next_one_reads_what_has_changed(
    store: LocalStore, tmp_path: Path, read: list[str], next_one: Callable[..., dict[str, float]]
) -> None:
    assert scores(store, tmp_path) == {"a": 0.0, "b": 0.1, "c": 0.2}
    changes = [written("b", 0.5), written("d", 0.6), Delete("lab/c/results.json")]
    store.commit(changes, message="second")
    read.clear()
    assert next_one(store, tmp_path) == {"a": 0.0, "b": 0.5, "d": 0.6}
    assert sorted(read) == ["b", "d"]
    assert scores(store, tmp_path) == {"a": 0.0, "b": 0.5, "d": 0.6}
    assert len(read) == 2


def test_a_document_that_gives_nothing_is_not_read_again(
    store: LocalStore, tmp_path: Path, read: list[str]
) -> None:
    other = document("lab/d", 0.5).model_copy(update={"results": {}})
    store.commit(
        [Write("lab/d/results.json", other.to_json()), Write("lab/e/results.json", b"{}")],
        message="other",
    )
    for _ in range(2):
        assert sorted(scores(store, tmp_path)) == ["a", "b", "c"]
    assert sorted(read) == list("abcde")


def test_several_suites_read_each_document_once(
    store: LocalStore, tmp_path: Path, read: list[str]
) -> None:
    scores(store, tmp_path)
    other = load_suite("open-medical-cot")
    store.commit([written("d", 0.5)], message="more")
    read.clear()
    memory = DocumentMemory(WorkFolder(tmp_path), [SUITE, other])
    found = memory.attempts(ResultsArchive(store).snapshot())
    assert {name: len(attempts) for name, attempts in found.items()} == {
        SUITE.name: 4,
        other.name: 0,
    }
    assert sorted(read) == list("abcd")


@pytest.mark.parametrize("change", ["suite", "reader"])
def test_another_suite_or_way_to_read_reads_all_again(
    store: LocalStore,
    tmp_path: Path,
    read: list[str],
    change: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores(store, tmp_path)
    suite = SUITE
    if change == "suite":
        first, *others = SUITE.benchmarks
        asked = (first.model_copy(update={"num_fewshot": 5}), *others)
        suite = SUITE.model_copy(update={"benchmarks": asked})
    else:
        monkeypatch.setattr(document_memory, "_readers", lambda: "other")
    scores(store, tmp_path, suite)
    assert len(read) == 6
    assert len(list((tmp_path / "read" / SUITE.name).iterdir())) == 1


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_costs_time_only(
    store: LocalStore, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    expected = scores(store, tmp_path)
    (file,) = (tmp_path / "read" / SUITE.name).iterdir()
    file.write_bytes(damage(file.read_bytes()))
    for _ in range(2):
        assert scores(store, tmp_path) == expected


def test_lines_that_nothing_can_be_made_of_are_not_used(
    store: LocalStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = scores(store, tmp_path)
    (file,) = (tmp_path / "read" / SUITE.name).iterdir()
    WorkFolder(tmp_path).add_documents_read(f"{SUITE.name}/{file.stem}", [["blob", [1, 2]], 7])
    with caplog.at_level(logging.WARNING):
        assert scores(store, tmp_path) == expected
    assert "read again" in caplog.text


def test_lines_of_documents_that_are_gone_are_removed(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_memory, "SPARE_LINES", 0)
    for number in range(9):
        store.commit([written("a", number / 10)], message="again")
        scores_again(store, tmp_path)
    (file,) = (tmp_path / "read" / SUITE.name).iterdir()
    assert len(file.read_bytes().splitlines()) <= 6
    assert scores(store, tmp_path) == {"a": 0.8, "b": 0.1, "c": 0.2}


def test_a_folder_that_cannot_be_written_costs_time_only(
    store: LocalStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert scores(store, tmp_path / "file") == {"a": 0.0, "b": 0.1, "c": 0.2}
    assert "cannot be kept" in caplog.text
