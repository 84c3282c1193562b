"""The progress of running benchmarks, as lines at the bottom of a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from evalboard.attempt.summary import progress_line
from evalboard.cli.reporting import cell, console
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

BAR_WIDTH = 24


class ProgressDisplay:
    """One line per running benchmark while the context is open, on terminals only.

    Args:
        settings: Location of the work folder, in which engines record their progress.
    """

    def __init__(self, settings: Settings, *, quiet: bool = False) -> None:
        self._work = WorkFolder(settings.work_folder)
        self._watched: dict[str, str] = {}
        self._live = Live(
            get_renderable=self.lines, console=console, refresh_per_second=1, transient=True
        )
        self._is_shown = console.is_terminal and not quiet

    def __enter__(self) -> Self:
        if self._is_shown:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            self._live.stop()

    @contextmanager
    def watch(self, request: str, title: str) -> Iterator[None]:
        """Show the benchmarks of a request within a context.

        Args:
            request: Name under which the progress is recorded.
            title: Start of its lines.
        """
        self._watched[request] = title
        try:
            yield
        finally:
            del self._watched[request]

    def lines(self) -> Table:
        """Return the lines as they are now."""
        table = Table.grid(padding=(0, 2))
        for request, title in list(self._watched.items()):
            for benchmark, progress in self._work.progress(request).items():
                if progress.state == "running":
                    bar = ProgressBar(
                        total=progress.total or None, completed=progress.done, width=BAR_WIDTH
                    )
                    table.add_row(cell(title), benchmark, bar, progress_line(progress))
        return table
