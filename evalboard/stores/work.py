"""The work folder: the state of unfinished runs.

    outcomes/{benchmark}-{key}.json, .parquet            finished benchmarks, until they are stored
    answers/{benchmark}-{key}.jsonl                      answers of unfinished benchmarks
    progress/{request}/{benchmark}.json                  progress of each benchmark of a request
    logs/{run}.log                                       output of an engine's process
    documents/{run}/results.json, {benchmark}.parquet    results of runs outside the board

Not a store: a local or shared folder without history. Every file is replaced whole.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from evalboard.files import write_whole
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.outcome import BenchmarkOutcome

KEY_LENGTH = 32


class WorkFolder:
    """Finished benchmarks and progress, under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(self, outcome: BenchmarkOutcome, answers: bytes) -> None:
        """Keep a finished benchmark, and delete its partial answers.

        The answers are written first: an outcome implies them.

        Args:
            outcome: Of the benchmark.
            answers: All of them, as Parquet.
        """
        stem = self._stem(outcome.benchmark, outcome.key)
        write_whole(stem.with_suffix(".parquet"), answers)
        write_whole(stem.with_suffix(".json"), outcome.model_dump_json().encode())
        self.answers_file(outcome.benchmark, outcome.key).unlink(missing_ok=True)

    def outcome(self, benchmark: str, key: str) -> BenchmarkOutcome | None:
        """Return what a benchmark gave that was finished under this key, None when it was not."""
        stem = self._stem(benchmark, key)
        try:
            outcome = BenchmarkOutcome.model_validate_json(stem.with_suffix(".json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        is_whole = outcome.key == key and stem.with_suffix(".parquet").exists()
        return outcome if is_whole else None

    def answers(self, outcome: BenchmarkOutcome) -> bytes:
        """Return the answers of a finished benchmark, as Parquet."""
        return self._stem(outcome.benchmark, outcome.key).with_suffix(".parquet").read_bytes()

    def forget(self, outcome: BenchmarkOutcome) -> None:
        """Remove a finished benchmark after its commit."""
        stem = self._stem(outcome.benchmark, outcome.key)
        stem.with_suffix(".json").unlink(missing_ok=True)
        stem.with_suffix(".parquet").unlink(missing_ok=True)

    @property
    def has_progress(self) -> bool:
        """Whether runs note here how far they are."""
        return (self._root / "progress").is_dir()

    def note_progress(self, request: str, benchmark: str, progress: BenchmarkProgress) -> None:
        """Record the progress of one benchmark of a request."""
        path = self._progress_folder(request) / f"{benchmark}.json"
        write_whole(path, progress.model_dump_json().encode())

    def progress(self, request: str) -> dict[str, BenchmarkProgress]:
        """Return the progress of every benchmark of a request, empty before its first start.

        An unreadable file is ignored: it contains progress, not results.
        """
        progress: dict[str, BenchmarkProgress] = {}
        for path in sorted(self._progress_folder(request).glob("*.json")):
            with suppress(ValidationError):
                progress[path.stem] = BenchmarkProgress.model_validate_json(path.read_bytes())
        return progress

    def answers_file(self, benchmark: str, key: str) -> Path:
        """Return the file of a benchmark's answers until it is finished."""
        return self._root / "answers" / f"{benchmark}-{key[:KEY_LENGTH]}.jsonl"

    def log_file(self, run: str) -> Path:
        """Return the log file of a run's engine."""
        return self._root / "logs" / f"{run}.log"

    def keep_document(self, run: str, document: bytes, answers: Mapping[str, bytes]) -> Path:
        """Keep the results of a run that do not enter the results store.

        Returns:
            Path of the document. The answers are next to it as `{benchmark}.parquet`.
        """
        folder = self._root / "documents" / run
        for benchmark, content in answers.items():
            write_whole(folder / f"{benchmark}.parquet", content)
        path = folder / "results.json"
        write_whole(path, document)
        return path

    def _stem(self, benchmark: str, key: str) -> Path:
        return self._root / "outcomes" / f"{benchmark}-{key[:KEY_LENGTH]}"

    def _progress_folder(self, request: str) -> Path:
        return self._root / "progress" / hashlib.sha256(request.encode()).hexdigest()[:KEY_LENGTH]
