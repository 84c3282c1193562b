"""The commands of README.md, as they are printed."""

import re
import shlex
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.cli.arguments import command_line
from evalboard.records.request import BoardBlock, Failure, RequestRecord, Status
from evalboard.settings import Settings
from tests.signing import put_signed

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ +(?:\$ )?(?:EVALBOARD_\w+=\S+ )?(evalboard .+)$", README, re.MULTILINE)
COMMANDS += re.findall(r"`(evalboard [a-z][^`]*)`", README)


def test_every_command_has_words_that_the_command_line_takes() -> None:
    assert len(COMMANDS) > 15
    for command in COMMANDS:
        words = shlex.split(command, comments=True)[1:]
        command_line().parse_args(words)


def test_the_queue_is_looked_after_as_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    block = README.partition("## Look after the queue")[2].partition("The Prefect UI")[0]
    record = RequestRecord(
        model="ORG/MODEL",
        precision="bfloat16",
        revision="3f2a" * 10,
        evalboard=BoardBlock(failure=Failure(code="load_failed", message="Broken.")),
    )
    path = put_signed(settings, record)
    commands = [shlex.split(line)[1:] for line in block.splitlines() if "evalboard" in line]
    assert [words[0] for words in commands] == "status status cancel requeue prioritise".split()
    for words in commands:
        assert main(words) == 0, words
    out = capsys.readouterr().out
    assert f"{path}: {Status.CANCELLED}" in out
    assert f"{path}: {Status.PENDING}, priority 10" in out
