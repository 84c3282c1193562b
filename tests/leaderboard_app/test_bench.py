from pathlib import Path

from evalboard.stores.local import LocalStore
from leaderboard_app.board_data import read_ranked_board
from tests.leaderboard_app.bench.material import fill_board
from tests.leaderboard_app.bench.pages import Times
from tests.leaderboard_app.bench.readers import percentile
from tests.leaderboard_app.bench.report import MARK, PROMISES, broken, write_report

GOOD = {promise.key: promise.limit for promise in PROMISES}


def test_the_generated_board_is_one_that_the_viewer_reads(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    fill_board(store, 30)
    first = read_ranked_board(store.snapshot())
    fill_board(store, 30, seed=1)
    second = read_ranked_board(store.snapshot())
    assert first.table.num_rows == second.table.num_rows == 30
    assert first.document.etag != second.document.etag


def test_a_promise_is_broken_by_its_middle_figure() -> None:
    assert broken(GOOD) == []
    assert broken(GOOD | {"search": Times(middle=0.1, worst=0.9)}) == []
    (text,) = broken(GOOD | {"search": Times(middle=0.3, worst=0.3)})
    assert text.startswith("Search result")


def test_a_percentile_is_a_wait_that_was_seen() -> None:
    waits = [float(number) for number in range(100, 0, -1)]
    assert (percentile(waits, 0.95), percentile(waits, 1)) == (95.0, 100.0)


def test_a_report_replaces_only_the_figures(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Kept\n\n{MARK}\n\nold", encoding="utf-8")
    write_report(page, "Heading.", GOOD | {"first rows": Times(0.9, 1.2)})
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Kept\n\n{MARK}\n\nHeading.\n")
    assert "old" not in text
    assert "| 0.90 s | 1.20 s | 1.00 s |" in text
    assert "| 1.80 MB |" in text
