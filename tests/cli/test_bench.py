import tempfile
from pathlib import Path

import pytest

from evalboard.cli import main


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (
            ["--cases", "1-shot"],
            "--cases cannot contain '1-shot'. Use one or more of 0-shot, 5-shot",
        ),
        (
            ["--models", "15M,7B"],
            "--models cannot contain '7B'. Use one or more of 15M, 50M, 1B, 8B",
        ),
        (["--limit", "0"], "--limit cannot be 0"),
        (["--json", "nowhere/bench.json"], "folder of 'nowhere/bench.json' does not exist"),
        (["--markdown", "nowhere/bench.md"], "folder of 'nowhere/bench.md' does not exist"),
    ],
)
def test_what_must_be_corrected_is_said_before_anything_is_measured(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert what in err
    assert err.count("\n") == 1


def test_a_mirror_without_the_questions_ends_with_2_and_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["bench", "--quick"]) == 2
    err = capsys.readouterr().err
    assert "'medmcqa': validation.parquet is missing" in err
    assert err.count("\n") == 1
    assert list(tmp_path.glob("evalboard-bench-*")) == []
