from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.outcome import BenchmarkOutcome, TaskOutcome
from evalboard.stores.work import WorkFolder

KEY = "0123456789abcdef" * 4
REQUEST = "org/model_eval_request_False_float16_Original_01234567.json"


def outcome(key: str = KEY) -> BenchmarkOutcome:
    task = TaskOutcome(
        task="mmlu_anatomy",
        metrics={"acc,none": 0.25},
        version=1.0,
        n_original=4,
        n_effective=4,
        task_hash="hash",
        config={"task": "mmlu_anatomy", "description": "Ünï"},
    )
    return BenchmarkOutcome(
        benchmark="anatomy",
        key=key,
        tasks=(task,),
        metrics=task.metrics,
        num_fewshot=0,
        dataset_fingerprint="print",
        seconds=1.5,
    )


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return WorkFolder(tmp_path / "work")


def test_what_was_kept_is_found_by_another_process(work: WorkFolder, tmp_path: Path) -> None:
    work.keep(outcome(), b"PAR1")
    other = WorkFolder(tmp_path / "work")
    assert other.outcome("anatomy", KEY) == outcome()
    assert other.answers(outcome()) == b"PAR1"


def test_what_was_never_kept_is_none(work: WorkFolder) -> None:
    assert work.outcome("anatomy", KEY) is None
    work.keep(outcome(), b"PAR1")
    assert work.outcome("anatomy", "f" * 64) is None
    assert work.outcome("doses", KEY) is None


def test_a_key_that_only_begins_the_same_is_another(work: WorkFolder) -> None:
    work.keep(outcome(), b"PAR1")
    assert work.outcome("anatomy", KEY[:32] + "f" * 32) is None


def test_keeping_again_replaces(work: WorkFolder) -> None:
    work.keep(outcome(), b"PAR1")
    work.keep(outcome(), b"PAR2")
    assert work.outcome("anatomy", KEY) == outcome()
    assert work.answers(outcome()) == b"PAR2"


def test_what_is_forgotten_is_gone(work: WorkFolder, tmp_path: Path) -> None:
    work.keep(outcome(), b"PAR1")
    work.forget(outcome())
    work.forget(outcome())
    assert work.outcome("anatomy", KEY) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("lost", ["*.json", "*.parquet"])
def test_half_of_a_benchmark_is_none(lost: str, work: WorkFolder, tmp_path: Path) -> None:
    work.keep(outcome(), b"PAR1")
    (file,) = (tmp_path / "work" / "outcomes").glob(lost)
    file.unlink()
    assert work.outcome("anatomy", KEY) is None


def test_a_document_that_cannot_be_read_is_none(work: WorkFolder, tmp_path: Path) -> None:
    work.keep(outcome(), b"PAR1")
    (file,) = (tmp_path / "work" / "outcomes").glob("*.json")
    file.write_bytes(b"")
    assert work.outcome("anatomy", KEY) is None


def test_progress_is_kept_by_request_and_benchmark(work: WorkFolder) -> None:
    assert work.progress(REQUEST) == {}
    running = BenchmarkProgress(state="running", done=3, total=10)
    done = BenchmarkProgress(state="done", done=10, total=10)
    work.note_progress(REQUEST, "anatomy", running)
    work.note_progress(REQUEST, "doses", done)
    work.note_progress("another request", "anatomy", done)
    assert work.progress(REQUEST) == {"anatomy": running, "doses": done}
    work.note_progress(REQUEST, "anatomy", done)
    assert work.progress(REQUEST) == {"anatomy": done, "doses": done}


def test_progress_that_cannot_be_read_is_left_out(work: WorkFolder, tmp_path: Path) -> None:
    done = BenchmarkProgress(state="done")
    for benchmark in ("anatomy", "doses"):
        work.note_progress(REQUEST, benchmark, done)
    (file,) = (tmp_path / "work" / "progress").rglob("anatomy.json")
    file.write_bytes(b"")
    assert work.progress(REQUEST) == {"doses": done}


def test_documents_of_trials_lie_with_their_answers(work: WorkFolder, tmp_path: Path) -> None:
    path = work.keep_document("run-1", b"{}", {"anatomy": b"PAR1"})
    assert path == tmp_path / "work" / "documents" / "run-1" / "results.json"
    assert path.read_bytes() == b"{}"
    assert (path.parent / "anatomy.parquet").read_bytes() == b"PAR1"


def test_a_file_is_replaced_whole(work: WorkFolder, tmp_path: Path) -> None:
    work.keep(outcome(), b"PAR1")
    work.note_progress(REQUEST, "anatomy", BenchmarkProgress(state="done"))
    assert [path for path in tmp_path.rglob("*.new")] == []


def test_an_engine_that_ends_and_its_run_write_the_same_progress(work: WorkFolder) -> None:
    running = BenchmarkProgress(state="running", done=3, total=10)
    failed = BenchmarkProgress(state="failed", reason="no answer in time")

    def write(progress: BenchmarkProgress) -> None:
        for _ in range(1000):
            work.note_progress(REQUEST, "anatomy", progress)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, [running, failed]))
    assert work.progress(REQUEST)["anatomy"] in (running, failed)


def test_logs_lie_by_run(work: WorkFolder, tmp_path: Path) -> None:
    assert work.log_file("run-1") == tmp_path / "work" / "logs" / "run-1.log"
