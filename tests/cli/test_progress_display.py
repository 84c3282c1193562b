import io
from pathlib import Path

from rich.console import Console

from evalboard.cli.progress_display import ProgressDisplay
from evalboard.records.board_files import BenchmarkProgress
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

RUNNING = BenchmarkProgress(
    state="running", done=1200, total=4183, per_second=37.25, seconds_left=80.1
)


def shown(display: ProgressDisplay) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(display.lines())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_running_benchmark_has_a_line(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    work = WorkFolder(settings.work_folder)
    work.note_progress("request.json", "medmcqa", RUNNING)
    work.note_progress("request.json", "medqa", BenchmarkProgress(state="waiting", total=5))
    work.note_progress("other.json", "pubmedqa", RUNNING)
    display = ProgressDisplay(settings)
    with display.watch("request.json", "org/model"):
        (line,) = shown(display).splitlines()
    assert line.startswith("org/model  medmcqa")
    assert "1,200 of 4,183 questions, 37.2/s, 1 min left" in line
    assert shown(display).strip() == ""
