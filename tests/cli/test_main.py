import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evalboard import __version__
from evalboard.cli import VERBS, main

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "required: VERB"),
        (["evalute"], "invalid choice: 'evalute'"),
        (["submit"], "required: model"),
        (["submit", "org/a", "--precision", "int3"], "'int3' is unknown"),
        (["submit", "org/a", "--colour", "blue"], "unrecognized arguments: --colour blue"),
        (["evaluate", "org/a", "--limit", "few"], "invalid int value: 'few'"),
        (["suite"], "required: ACTION"),
        (["board", "burn"], "invalid choice: 'burn'"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evalboard")
    assert what in err
    assert err.endswith(" --help`.\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["suite", "show", "nope"], "There is no suite 'nope'"),
        (["evaluate", "org/a", "--suite", "nope"], "There is no suite 'nope'"),
        (["evaluate", "org/a", "--benchmarks", "nope"], "no benchmark 'nope'"),
        (["evaluate", "org/a", "--limit", "0"], "limit 0"),
        (["evaluate", "org/a", "--num-fewshot", "-1"], "num_fewshot -1"),
    ],
)
def test_what_must_be_corrected_ends_with_2_and_one_line(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evalboard: ")
    assert what in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EVALBOARD_ENGINE_SLOTS", "many"),
        ("EVALBOARD_SUITE", "nope"),
        ("EVALBOARD_REQUESTS", "hf://datasets/org/requests"),
    ],
)
def test_a_bad_setting_ends_with_2_and_one_line(
    variable: str,
    value: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["board", "build"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert repr(value) in err
    assert err.count("\n") == 1


def test_ctrl_c_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("evalboard.cli.suite.list_suites", interrupt)
    assert main(["suite", "list"]) == 130


def test_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^\s+{verb}\s", out, re.MULTILINE) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"usage: evalboard {verb}" in capsys.readouterr().out


def run_program(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "evalboard", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_itself_gives_the_same_answers() -> None:
    done = run_program("--version")
    assert (done.returncode, done.stdout) == (0, f"evalboard {__version__}\n")
    done = run_program("suite", "list")
    assert (done.returncode, done.stdout) == (0, "demo\nopen-llm-v1\nopen-medical\n")
    done = run_program("suite", "show", "nope")
    assert done.returncode == 2
    assert done.stderr.startswith("evalboard: There is no suite 'nope'.")
    assert done.stderr.count("\n") == 1
    done = run_program("board", "show")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
