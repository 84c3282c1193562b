"""The work folder: the state of unfinished runs.

    outcomes/{benchmark}-{key}.json, .parquet            finished benchmarks, until they are stored
    answers/{benchmark}-{key}.jsonl                      answers of unfinished benchmarks
    progress/{request}/{benchmark}.json                  progress of each benchmark of a request
    models/, questions/, compiled/                       what engines load, ask and compile; can be
                                                         deleted while no engine runs
    views/                                               links that running engines see
    runs/{run}                                           marks of runs, locked while they live
    logs/{run}.log                                       output of an engine's process
    ranks/{suite}.npz                                    the last ranking of a large board
    read/{suite}/{digest}.jsonl                          what result documents give to a board
    unfit/{host}.json                                    why a machine takes no requests
    proofs/                                              whether machines score as transformers does
    polled                                               its time is that of the last poll
    workers/{host}                                       its time is that of a worker's last sign of life
    usage.jsonl                                          what each evaluation took
    documents/{run}/results.json, {benchmark}.parquet    results of runs outside the board

Not a store: a local or shared folder without history. Every file is replaced whole. A damaged one is
moved aside (`evalboard.files`), and its work is done again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError
from evalboard.files import read_state, set_aside, write_state, write_whole
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.outcome import BenchmarkOutcome
from evalboard.stores.lines import add_lines, read_lines, replace_lines

GROWING = ("logs", "progress", "documents", "workers")
"""Folders in which every run leaves something that is of no use later."""
KEY_LENGTH = 32
ANSWERS_HASH = "answers_sha256"


class WorkFolder:
    """Finished benchmarks and progress, under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def keep(self, outcome: BenchmarkOutcome, answers: bytes) -> None:
        """Keep a finished benchmark, and delete its partial answers.

        The answers are written first: an outcome implies them.

        Args:
            outcome: Of the benchmark.
            answers: All of them, as Parquet.

        Raises:
            StoreError: They cannot be written.
        """
        stem = self._stem(outcome.benchmark, outcome.key)
        described = _described(outcome) | {ANSWERS_HASH: _hash(answers)}
        with self._disk_errors():
            write_whole(stem.with_suffix(".parquet"), answers)
            write_state(stem.with_suffix(".json"), described)
        self.forget_answers(outcome.benchmark, outcome.key)

    def outcome(self, benchmark: str, key: str) -> BenchmarkOutcome | None:
        """Return what a benchmark gave that was finished under this key, None when it was not.

        Raises:
            StoreError: The folder cannot be read.
        """
        stem = self._stem(benchmark, key)

        def parse(document: dict[str, Any]) -> BenchmarkOutcome:
            outcome = BenchmarkOutcome.model_validate(document)
            if outcome.key == key:
                _check_answers(stem.with_suffix(".parquet"), document.get(ANSWERS_HASH))
            return outcome

        with self._disk_errors():
            outcome = read_state(stem.with_suffix(".json"), parse)
        return outcome if outcome and outcome.key == key else None

    def answers(self, outcome: BenchmarkOutcome) -> bytes:
        """Return the answers of a finished benchmark, as Parquet.

        Raises:
            StoreError: The folder cannot be read.
        """
        with self._disk_errors():
            return self._stem(outcome.benchmark, outcome.key).with_suffix(".parquet").read_bytes()

    def forget(self, outcome: BenchmarkOutcome) -> None:
        """Remove a finished benchmark after its commit.

        Raises:
            StoreError: The folder cannot be written.
        """
        stem = self._stem(outcome.benchmark, outcome.key)
        with self._disk_errors():
            stem.with_suffix(".json").unlink(missing_ok=True)
            stem.with_suffix(".parquet").unlink(missing_ok=True)

    @property
    def has_progress(self) -> bool:
        """Whether runs note here how far they are."""
        return (self._root / "progress").is_dir()

    def note_progress(self, request: str, benchmark: str, progress: BenchmarkProgress) -> None:
        """Record the progress of one benchmark of a request.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            path = self._progress_folder(request) / f"{benchmark}.json"
            write_state(path, _described(progress))

    def note_pause(self, request: str) -> None:
        """Record that nothing of a request is being worked on.

        Raises:
            StoreError: The folder cannot be read or written.
        """
        for benchmark, progress in self.progress(request).items():
            if progress.state == "running":
                waiting = BenchmarkProgress(
                    state="waiting", done=progress.done, total=progress.total
                )
                self.note_progress(request, benchmark, waiting)

    def progress(self, request: str) -> dict[str, BenchmarkProgress]:
        """Return the progress of every benchmark of a request, empty before its first start.

        Raises:
            StoreError: The folder cannot be read.
        """
        progress: dict[str, BenchmarkProgress] = {}
        with self._disk_errors():
            for path in sorted(self._progress_folder(request).glob("*.json")):
                if noted := read_state(path, _progress):
                    progress[path.stem] = noted
        return progress

    def answers_file(self, benchmark: str, key: str) -> Path:
        """Return the file of a benchmark's answers until it is finished."""
        return self._root / "answers" / f"{benchmark}-{key[:KEY_LENGTH]}.jsonl"

    def forget_answers(self, benchmark: str, key: str) -> None:
        """Remove the answers to a benchmark that was not finished.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            self.answers_file(benchmark, key).unlink(missing_ok=True)

    def log_file(self, run: str) -> Path:
        """Return the log file of a run's engine."""
        return self._root / "logs" / f"{run}.log"

    def note_unfit(self, host: str, why: str) -> None:
        """Record that a machine takes no requests until it is mended.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            write_state(self._unfit_file(host), {"why": why})

    def is_unfit(self, host: str) -> bool:
        """Return whether a machine was found unfit, and not fit again since."""
        return self._unfit_file(host).exists()

    def forget_unfit(self, host: str) -> None:
        """Let a machine take requests again.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            self._unfit_file(host).unlink(missing_ok=True)

    def note_poll(self) -> None:
        """Record that the queue was polled now. A full disk does not end a poll."""
        with suppress(OSError):
            self._root.mkdir(parents=True, exist_ok=True)
            self._polled_file.touch()

    def last_poll(self) -> datetime | None:
        """Return when the queue was last polled by a machine with this folder, None if never."""
        try:
            return datetime.fromtimestamp(self._polled_file.stat().st_mtime, UTC)
        except OSError:
            return None

    def note_worker(self, host: str) -> None:
        """Record that a worker on a machine is alive now. A full disk does not end its work."""
        with suppress(OSError):
            self._workers_folder.mkdir(parents=True, exist_ok=True)
            (self._workers_folder / host).touch()

    def workers(self) -> dict[str, datetime]:
        """Return when a worker of each machine with this folder last gave a sign of life, by host."""
        seen: dict[str, datetime] = {}
        with suppress(OSError):
            for path in self._workers_folder.iterdir():
                seen[path.name] = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return seen

    def add_usage(self, *, seconds: float, gpus: int, questions: int) -> None:
        """Record what an evaluation took.

        Raises:
            StoreError: The folder cannot be written.
        """
        used = {"seconds": round(seconds, 1), "gpus": gpus, "questions": questions}
        with self._disk_errors():
            add_lines(self._usage_file, [used])

    def usage(self) -> list[dict[str, float]]:
        """Return what each evaluation took: `seconds`, `gpus` and `questions`.

        Raises:
            StoreError: The folder cannot be read.
        """
        with self._disk_errors():
            return list(read_lines(self._usage_file))

    def keep_document(self, run: str, document: bytes, answers: Mapping[str, bytes]) -> Path:
        """Keep the results of a run that do not enter the results store.

        Returns:
            Path of the document. The answers are next to it as `{benchmark}.parquet`.

        Raises:
            StoreError: The folder cannot be written.
        """
        folder = self._root / "documents" / run
        path = folder / "results.json"
        with self._disk_errors():
            for benchmark, content in answers.items():
                write_whole(folder / f"{benchmark}.parquet", content)
            write_whole(path, document)
        return path

    def keep_ranks(self, suite: str, content: bytes) -> None:
        """Keep the last ranking of a board.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            write_whole(self._ranks_file(suite), content)

    def ranks(self, suite: str) -> bytes | None:
        """Return the last ranking of a board, None without one.

        Raises:
            StoreError: The folder cannot be read.
        """
        with self._disk_errors():
            try:
                return self._ranks_file(suite).read_bytes()
            except FileNotFoundError:
                return None

    def documents_read(self, name: str) -> list[Any]:
        """Return what is kept of documents under a name, `{suite}/{digest}`.

        Raises:
            StoreError: The folder cannot be read.
        """
        with self._disk_errors():
            return list(read_lines(self._documents_file(name)))

    def add_documents_read(self, name: str, values: Iterable[Any]) -> None:
        """Keep more of documents under a name. What was kept of the suite under others is removed.

        Raises:
            StoreError: The folder cannot be written.
        """
        file = self._documents_file(name)
        with self._disk_errors():
            add_lines(file, values)
            for other in file.parent.glob("*.jsonl"):
                if other != file:
                    other.unlink(missing_ok=True)

    def keep_documents_read(self, name: str, values: Iterable[Any]) -> None:
        """Replace what is kept of documents under a name.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._disk_errors():
            replace_lines(self._documents_file(name), values)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise StoreError(
                f"Work folder {str(self._root)!r} cannot be used: {exc}. Free disk space, or "
                "correct its permissions."
            ) from exc

    @property
    def _polled_file(self) -> Path:
        return self._root / "polled"

    @property
    def _workers_folder(self) -> Path:
        return self._root / "workers"

    @property
    def _usage_file(self) -> Path:
        return self._root / "usage.jsonl"

    def _unfit_file(self, host: str) -> Path:
        return self._root / "unfit" / f"{host}.json"

    def _ranks_file(self, suite: str) -> Path:
        return self._root / "ranks" / f"{suite}.npz"

    def _documents_file(self, name: str) -> Path:
        return self._root / "read" / f"{name}.jsonl"

    def _stem(self, benchmark: str, key: str) -> Path:
        return self._root / "outcomes" / f"{benchmark}-{key[:KEY_LENGTH]}"

    def _progress_folder(self, request: str) -> Path:
        return self._root / "progress" / hashlib.sha256(request.encode()).hexdigest()[:KEY_LENGTH]


def _described(record: BenchmarkOutcome | BenchmarkProgress) -> dict[str, Any]:
    return json.loads(record.model_dump_json())


def _progress(document: dict[str, Any]) -> BenchmarkProgress:
    document.pop("version", None)  # the record would keep it as an extra field
    return BenchmarkProgress.model_validate(document)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_answers(path: Path, expected: str | None) -> None:
    """Check that the answers of a finished benchmark are whole.

    Raises:
        ValueError: They are not, or are missing.
    """
    try:
        answers = path.read_bytes()
    except FileNotFoundError as exc:
        raise ValueError("its answers are missing") from exc
    if expected is not None and _hash(answers) != expected:
        set_aside(path, "its content has changed", answers)
        raise ValueError("its answers are damaged")
