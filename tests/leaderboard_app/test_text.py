from evalboard.records.table import BenchmarkColumn, BoardMeta
from evalboard.suites.loader import load_suite
from leaderboard_app.text import about_text


def test_tells_of_the_suite_before_the_first_board() -> None:
    suite = load_suite("open-medical")
    text = about_text(suite, None)
    assert suite.about.splitlines()[0] in text
    for benchmark in suite.benchmarks:
        assert f"| {benchmark.title} |" in text


def test_takes_the_number_of_questions_from_the_board() -> None:
    column = BenchmarkColumn(
        key="a", title="A | B", n=4183, fewshot=5, metric="acc_norm,none", baseline=0.25
    )
    meta = BoardMeta(
        suite="s", title="S", benchmarks=(column,), revision="r", built_at="t", content_hash="h"
    )
    text = about_text(load_suite("open-medical"), meta)
    assert "| A \\| B | 4,183 | 5 | acc_norm | 25.0 |" in text
