"""The keeper of an engine: finds its model's files, and keeps its answers and outcomes.

It runs in the holder, outside of the confinement, with the token and the work folder. What the
engine asks of it comes from a process that reads files of strangers: a benchmark must be one of the
engine's, and a key a digest.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.benchmarks.progress_notes import ProgressNotes
from evalboard.engine.loading.combining import Combination
from evalboard.engine.loading.weights import ModelFiles
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EvalboardError, HarnessError
from evalboard.records.outcome import BenchmarkOutcome
from evalboard.stores.work import WorkFolder

_KEY = re.compile(r"[0-9a-f]{64}")


class WorkKeeper:
    """Keeps in the work folder.

    The methods `serve_…` are what an engine asks; see `evalboard.engine.keeping.Keeper`.

    Args:
        spec: Specification of the engine.
        view: Folder that the engine sees, for the model's files.
        combine: Combines weights; see `ModelFiles`.
    """

    in_order = frozenset({"add_answers", "note_progress"})

    def __init__(
        self, spec: EngineSpec, view: Path, combine: Callable[[Combination], None]
    ) -> None:
        self.files = ModelFiles(spec, combine)
        self.given: Path | None = None
        """Folder in the view with the files that the engine loads, None until it asks for them."""
        self._spec = spec
        self._view = view
        self._work = WorkFolder(spec.settings.work_folder)
        self._logs: dict[str, tuple[str, AnswerLog]] = {}
        self._notes: dict[str, ProgressNotes] = {}
        self._putting = threading.Lock()
        self._missing: EvalboardError | None = None

    @contextmanager
    def expecting(self, benchmark: str, progress_key: str) -> Iterator[None]:
        """Expect the answers of a benchmark in this context.

        Args:
            benchmark: Key in the suite.
            progress_key: Name under which the work folder records its progress.
        """
        self._notes[benchmark] = ProgressNotes(self._work, progress_key, benchmark)
        try:
            yield
        finally:
            _, log = self._logs.pop(benchmark, ("", None))
            if log:
                log.close()

    def keep(self, outcome: BenchmarkOutcome, answers: bytes) -> None:
        """Keep a finished benchmark that is expected.

        Raises:
            HarnessError: The outcome is another one.
        """
        key, _ = self._logs.get(outcome.benchmark, ("", None))
        if key != outcome.key:
            raise HarnessError(f"The engine of {self._spec.model!r} returned a foreign outcome.")
        self._work.keep(outcome, answers)

    def serve_small_files(self) -> str:
        """Put the small files into the view, and return their folder."""
        with self._putting:
            return str(_linked(self.files.small, self._view / "small"))

    def find_loadable_files(self) -> None:
        """Download or combine the files for loading. The engine that asks for them is told of errors."""
        with self._putting:
            self._missing = None
            try:
                self.files.loadable  # noqa: B018 - found once
            except EvalboardError as exc:
                self._missing = exc

    def serve_loadable_files(self) -> list[str]:
        """Put the files for loading into the view, and return the folders."""
        with self._putting:
            if self._missing:
                raise self._missing
            files = self.files.loadable
            adapter = files.adapter
            self.given = _linked(files.weights, self._view / "weights")
            return [
                str(self.given),
                str(_linked(adapter, self._view / "adapter")) if adapter else "",
            ]

    def serve_open_answers(self, benchmark: str, key: str) -> list[tuple[str, Any]]:
        """Return the known answers of a benchmark that is expected."""
        if benchmark not in self._notes or not _KEY.fullmatch(key):
            raise HarnessError(f"The engine of {self._spec.model!r} asked for foreign answers.")
        log = AnswerLog(self._work.answers_file(benchmark, key))
        self._logs[benchmark] = key, log
        return log.known()

    def serve_add_answers(self, benchmark: str, key: str, answers: list[tuple[str, Any]]) -> None:
        """Keep answers."""
        opened, log = self._logs[benchmark]
        if opened != key:
            raise HarnessError(f"The engine of {self._spec.model!r} gave foreign answers.")
        log.add((name, answer) for name, answer in answers)

    def serve_note_progress(self, benchmark: str, done: int, total: int) -> None:
        """Record progress."""
        self._notes[benchmark].note(done, total)


def _linked(source: Path, into: Path) -> Path:
    """Return a folder with the same files as another, without another copy of them."""
    if not into.is_dir():
        for file in sorted(source.rglob("*")):
            if file.is_file():
                link = into / file.relative_to(source)
                link.parent.mkdir(parents=True, exist_ok=True)
                _link(file.resolve(), link)
    return into


def _link(file: Path, link: Path) -> None:
    """Make a hard link, or a symbolic one to another file system or to a file of another user."""
    try:
        os.link(file, link)
    except OSError:
        link.symlink_to(file)
