from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.errors import RecordError, StoreError
from evalboard.identity import document_folder
from evalboard.records.answers import Answers
from evalboard.records.earned import AnswersName
from evalboard.records.parquet import parquet_file
from evalboard.records.result import ResultDocument
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Store, Write
from evalboard.stores.results import ResultsArchive, answers_path, earned_path, read_answers
from tests.result_documents import result_document

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

FOLDER = "org/model/" + "a" * 40 + "/float16_Original/demo"
STEM = f"{FOLDER}/results_2026-11-21T10-00-00Z"


def document(model: str = "org/model", **provenance: Any) -> ResultDocument:
    keys = {"suite": "demo", "benchmark_keys": {"anatomy": "key"}}
    config = {"model_name": model}
    return result_document({"task": {"acc,none": 0.5}}, n=2, config=config, **keys | provenance)


@pytest.fixture
def archive(store: Store) -> ResultsArchive:
    return ResultsArchive(store)


def test_a_document_and_its_answers_are_one_commit(store: Store, archive: ResultsArchive) -> None:
    commits: list[int] = []
    commit = store.commit

    def counted(operations: Any, **keywords: Any) -> str:
        commits.append(len(operations))
        return commit(operations, **keywords)

    store.commit = counted
    path = archive.add(document(), {"anatomy": b"PAR1", "doses": b"PAR2"})
    assert commits == [5]
    assert path == f"{FOLDER}/results_2026-11-21T10-00-00Z.json"
    snapshot = store.snapshot()
    assert set(snapshot.files) == {
        path,
        f"details/{FOLDER}/anatomy.parquet",
        f"details/{FOLDER}/anatomy.earned",
        f"details/{FOLDER}/doses.parquet",
        f"details/{FOLDER}/doses.earned",
    }
    assert snapshot.read(f"details/{FOLDER}/doses.parquet") == b"PAR2"
    assert archive.read() == (snapshot.revision, [(path, document(), "")])


def test_only_result_documents_lie_in_a_result_folder(
    store: Store, archive: ResultsArchive
) -> None:
    archive.add(document(), {"anatomy": b"PAR1"})
    beside = [p for p in store.snapshot().files if p.startswith("org/")]
    assert all(path.endswith(".json") for path in beside)


def test_two_attempts_stand_beside_each_other(archive: ResultsArchive) -> None:
    times = ["2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z"]
    for time in times:
        archive.add(document(finished_time=time), {})
    assert [d.evalboard.finished_time for d in archive.read().documents] == times


def test_two_attempts_of_one_second_do_not_replace_each_other(archive: ResultsArchive) -> None:
    paths = [archive.add(document(command=command), {}) for command in ("first", "second")]
    assert paths == [f"{STEM}.json", f"{STEM}-2.json"]
    found = {stored.path: stored.document for stored in archive.read().stored}
    assert [d and d.evalboard.command for d in map(found.get, paths)] == ["first", "second"]


def test_what_is_stored_already_is_not_stored_again(store: Store, archive: ResultsArchive) -> None:
    stored = archive.add(document(), {"anatomy": b"PAR1"})
    before = store.snapshot().revision
    later = document(finished_time="2026-11-21T11:00:00Z")
    assert archive.add(later, {"anatomy": b"PAR1"}) == stored
    assert store.snapshot().revision == before
    other_key = document(benchmark_keys={"anatomy": "of another version"})
    assert archive.add(other_key, {"anatomy": b"PAR1"}) != stored


def test_of_two_runs_that_store_the_same_at_once_one_does(
    store: Store, open_again: Callable[[], Store]
) -> None:
    commit = store.commit

    def overtaken(*args: Any, **keywords: Any) -> str:
        store.commit = commit
        theirs = document(finished_time="2026-11-21T09:00:00Z")
        ResultsArchive(open_again()).add(theirs, {"anatomy": b"PAR1"})
        return commit(*args, **keywords)

    store.commit = overtaken
    path = ResultsArchive(store).add(document(), {"anatomy": b"PAR1"})
    (found,) = ResultsArchive(store).read().stored
    assert (found.path, path) == (path, f"{FOLDER}/results_2026-11-21T09-00-00Z.json")


def test_one_models_documents_are_read_alone(archive: ResultsArchive) -> None:
    for model in ("org/model", "org/model-2", "other/model"):
        archive.add(document(model), {})
    found = archive.read(model="org/model").documents
    assert [d.config.model_name for d in found] == ["org/model"]
    assert len(archive.read().documents) == 3


def test_what_is_no_document_is_listed_with_what_is_wrong(
    store: Store, archive: ResultsArchive
) -> None:
    path = archive.add(document(), {})
    bad = [Write("org/a/results_1.json", b"{"), Write("org/a/results_2.json", b'{"results": {}}')]
    store.commit([*bad, Write("README.md", b""), Write("details/x.json", b"{}")], message="odd")
    results = archive.read()
    assert [s.path for s in results.stored] == [
        "org/a/results_1.json",
        "org/a/results_2.json",
        path,
    ]
    assert results.documents == [document()]
    assert all(s.path in s.problem for s in results.stored if s.document is None)


def test_results_that_change_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, colleague = LocalStore(tmp_path), LocalStore(tmp_path)
    path = ResultsArchive(colleague).add(document(command="old"), {})
    newer = Write(path, document(command="new").to_json())
    take: Callable[[], Any] = store.snapshot

    def overtaken() -> Any:
        monkeypatch.undo()
        snapshot = take()
        colleague.commit([newer], message="by hand")
        return snapshot

    monkeypatch.setattr(store, "snapshot", overtaken)
    (read,) = ResultsArchive(store).read().documents
    assert read.evalboard.command == "new"


def parquet(**columns: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def test_answers_are_read_back_question_by_question(store: Store) -> None:
    made = document()
    content = parquet(question_id=[7, 8], doc_hash=["a", "b"], correct=[True, None])
    ResultsArchive(store).add(made, {"anatomy": content})
    path = answers_path(document_folder(made), "anatomy")
    answers = read_answers(store.snapshot(path.rpartition("/")[0]), path)
    assert answers.questions == [("", 7, "a"), ("", 8, "b")]
    assert answers.correct == [True, None]
    with pytest.raises(StoreError, match="'details/none'"):
        read_answers(store.snapshot(), "details/none")


ANATOMY = AnswersName(FOLDER, "anatomy", by_subject=False)


def test_what_questions_earned_is_stored_beside_their_answers(archive: ResultsArchive) -> None:
    content = parquet(question_id=[7, 8], doc_hash=["a", "b"], correct=[True, False])
    archive.add(document(), {"anatomy": content})
    ((name, earned),) = archive.snapshot().earned([ANATOMY, ANATOMY._replace(benchmark="doses")])
    assert (name, earned.values.tolist()) == (ANATOMY, [True, False])


def test_the_subjects_of_a_group_are_parts(archive: ResultsArchive) -> None:
    content = parquet(
        question_id=[0, 0, 1],
        doc_hash=["a", "b", "c"],
        correct=[True, False, True],
        subject=["s", "t", "t"],
    )
    group = ResultDocument.model_validate(
        document().model_dump(by_alias=True) | {"group_subtasks": {"anatomy": ["s", "t"]}}
    )
    archive.add(group, {"anatomy": content})
    ((_, earned),) = archive.snapshot().earned([ANATOMY])
    assert earned.parts == (1, 2)


def test_older_results_get_it_once(store: Store, archive: ResultsArchive) -> None:
    content = parquet(question_id=[7, 8], doc_hash=["a", "b"], correct=[True, False])
    fractions = parquet(question_id=[7], doc_hash=["a"], correct=[None])
    names = [ANATOMY, *(ANATOMY._replace(benchmark=key) for key in ("doses", "odd", "none"))]
    files = {"anatomy": content, "doses": fractions, "odd": b"no"}
    store.commit([Write(answers_path(FOLDER, key), c) for key, c in files.items()], message="older")
    archive.make_compact(names)
    revision = archive.snapshot().revision
    archive.make_compact(names)
    assert archive.snapshot().revision == revision
    blobs = archive.snapshot().blobs([None, *names])
    assert [bool(blob) for blob in blobs] == [False, True, True, True, False]
    ((name, earned),) = archive.snapshot().earned(names)
    assert (name, earned.values.tolist()) == (ANATOMY, [True, False])


def test_a_damaged_one_is_left_out(
    store: Store, archive: ResultsArchive, caplog: pytest.LogCaptureFixture
) -> None:
    store.commit([Write(earned_path(FOLDER, "anatomy"), b"{}\n")], message="by hand")
    assert list(archive.snapshot().earned([ANATOMY])) == []
    assert "anatomy.earned" in caplog.text


def answers_of(**columns: list[Any]) -> bytes:
    good: dict[str, list[Any]] = {"question_id": [7], "doc_hash": ["a"], "correct": [True]}
    return parquet(**(good | columns))


@pytest.mark.parametrize(
    "content",
    [
        b"no",
        b"",
        parquet(x=[1]),
        answers_of()[:-9],
        answers_of(question_id=[None]),
        answers_of(question_id=["7"]),
        answers_of(question_id=[7.5]),
        answers_of(doc_hash=[None]),
        answers_of(doc_hash=[b"\xff"]),
        answers_of(correct=["yes"]),
        answers_of(correct=[2]),
    ],
)
def test_a_file_that_holds_no_answers_is_named(content: bytes, store: Store) -> None:
    store.commit([Write("details/odd.parquet", content)], message="by hand")
    with pytest.raises(RecordError, match=r"'details/odd\.parquet'"):
        read_answers(store.snapshot(), "details/odd.parquet")


def test_no_flipped_byte_changes_an_answer() -> None:
    rows = {"question_id": [1, 2, 3], "doc_hash": ["a", "b", "c"], "correct": [True, False, None]}
    whole = parquet_file(pa.table(rows))
    expected = Answers.from_parquet(whole, path="a")
    damaged = 0
    for at in range(len(whole)):
        content = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        try:
            assert Answers.from_parquet(content, path="a") == expected
        except RecordError:
            damaged += 1
    assert damaged > len(whole) / 2
