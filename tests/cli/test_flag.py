"""`evalboard flag` on a results store."""

from pathlib import Path

import pytest
import yaml

from evalboard.cli import main
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board, open_notices
from evalboard.stores.board import read_board


def test_notices_are_made_replaced_listed_and_taken_back(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flag", "lab/tiny", "--reason", "First"]) == 0
    assert main(["flag", "Lab/Tiny", "--reason", "Second", "--link", "https://x.org"]) == 0
    assert main(["flag", "lab/tiny", "--renamed-to", "lab/small"]) == 0
    assert main(["flag", "lab/other", "--hide"]) == 0
    capsys.readouterr()
    assert main(["flag"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Lab/Tiny: flagged (Second https://x.org)",
        "lab/tiny: renamed to lab/small",
        "lab/other: hidden",
    ]
    published = read_board(open_board(settings)).meta.notices
    assert [(notice.model, notice.kind) for notice in published] == [
        ("lab/small", "flagged"),
        ("lab/tiny", "renamed"),
    ]
    assert main(["flag", "lab/tiny", "--undo"]) == 0
    assert [notice.model for notice in open_notices(settings).read()] == ["lab/other"]


def test_a_model_that_is_renamed_back_has_its_first_name(settings: Settings) -> None:
    assert main(["flag", "lab/tiny", "--renamed-to", "lab/small"]) == 0
    assert main(["flag", "lab/small", "--renamed-to", "Lab/Tiny"]) == 0
    (left,) = open_notices(settings).read()
    assert (left.model, left.new_name) == ("lab/small", "Lab/Tiny")


def test_a_notice_that_says_too_little_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flag", "lab/tiny", "--renamed-to", "small"]) == 2
    assert "not a whole model name" in capsys.readouterr().err
    assert main(["flag", "lab/tiny"]) == 2
    assert "a flag needs a reason" in capsys.readouterr().err
    assert main(["flag", "lab/tiny", "--undo"]) == 2
    assert "no notice on" in capsys.readouterr().err


def test_a_damaged_file_stops_the_build(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flag", "lab/tiny", "--hide"]) == 0
    file = Path(settings.store_address("results")) / "notices.yaml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump([entries[0] | {"kind": "gone"}]), encoding="utf-8")
    capsys.readouterr()
    assert main(["board", "build"]) == 1
    assert "'notices.yaml' in the results store cannot be read" in capsys.readouterr().err
