from pathlib import Path

import pytest

from evalboard.engine.benchmarks.progress_notes import ProgressNotes, pace
from evalboard.stores.work import WorkFolder


def test_rate_counts_only_what_was_answered_now() -> None:
    progress = pace(300, 500, known=100, seconds=10)
    assert (progress.done, progress.total, progress.state) == (300, 500, "running")
    assert progress.per_second == pytest.approx(20)
    assert progress.seconds_left == pytest.approx(10)


def test_nothing_is_said_of_a_rate_that_is_not_known() -> None:
    for done, seconds in ((100, 0.0), (100, 5.0)):
        progress = pace(done, 500, known=100, seconds=seconds)
        assert (progress.per_second, progress.seconds_left) == (0.0, None)


def test_notes_reach_the_work_folder(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    notes = ProgressNotes(work, "org/model.json", "medqa")
    notes.note(40, 100)
    notes.note(60, 100)
    progress = work.progress("org/model.json")["medqa"]
    assert (progress.done, progress.total) == (60, 100)
    assert progress.per_second > 0
    assert progress.seconds_left == pytest.approx(40 / progress.per_second)
