"""The progress of a benchmark, as an artifact of its task run."""

from uuid import UUID

from prefect import get_run_logger

from evalboard.attempt.summary import progress_line
from evalboard.records.board_files import BenchmarkProgress
from evalboard_prefect.tasks.artifacts import create_artifact, update_artifact


class ProgressArtifact:
    """The artifact of one benchmark, created with the first progress."""

    def __init__(self, benchmark: str) -> None:
        self._benchmark = benchmark
        self._shown: BenchmarkProgress | None = None
        self._logged_tenths: int | None = None
        self._id: UUID | None = None

    def show(self, progress: BenchmarkProgress) -> None:
        """Show changes in the benchmark's progress, and log every tenth of it."""
        if progress == self._shown or not progress.total:
            return
        self._shown = progress
        line = progress_line(progress)
        self._write(100 * progress.done / progress.total, line)
        tenths = 10 * progress.done // progress.total
        if tenths != self._logged_tenths:
            self._logged_tenths = tenths
            get_run_logger().info(line)

    def _write(self, percent: float, line: str) -> None:
        if self._id is None:
            key = self._benchmark.replace("_", "-")
            self._id = create_artifact("progress", key, percent, line)
        else:
            update_artifact(self._id, percent, line)
