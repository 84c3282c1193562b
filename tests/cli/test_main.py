import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path

import pytest

from evalboard import __version__
from evalboard.cli import extras, main
from evalboard.cli.arguments import VERBS, command_line
from evalboard.suites.loader import shipped_suites

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "required: VERB"),
        (["evalute"], "invalid choice: 'evalute'"),
        (["submit"], "required: MODEL"),
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
    assert (done.returncode, done.stdout.split()) == (0, shipped_suites())
    done = run_program("suite", "show", "nope")
    assert done.returncode == 2
    assert done.stderr.startswith("evalboard: There is no suite 'nope'.")
    assert done.stderr.count("\n") == 1
    done = run_program("board", "show")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_every_verb_option_and_value_is_described() -> None:
    for parser in parsers(command_line()):
        assert parser.description, parser.prog
        for action in parser._actions:
            if action.help != argparse.SUPPRESS and not isinstance(
                action, argparse._SubParsersAction
            ):
                assert action.help, (parser.prog, action.dest)
                takes_value = action.nargs != 0 and action.choices is None
                assert action.metavar or not takes_value, (parser.prog, action.dest)


def test_every_verb_and_action_has_its_function() -> None:
    names = {name: {p.get_default("action") for p in parsers(verb_parser(name))} for name in VERBS}
    assert names["suite"] == {"do", "check_suite", "list_suites", "show_suite"}
    for verb, functions in names.items():
        module = import_module(f"evalboard.cli.{verb_parser(verb).get_default('verb')}")
        of_actions = functions - {"do"} or {"do"}
        assert all(callable(getattr(module, name)) for name in of_actions), verb


def verb_parser(name: str) -> argparse.ArgumentParser:
    (verbs,) = (
        action
        for action in command_line()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return verbs.choices[name]


def test_a_reader_that_has_seen_enough_causes_no_traceback() -> None:
    program = f"{shlex.quote(sys.executable)} -m evalboard suite show open-llm-v1 --json | true"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize(
    ("module", "extras"),
    [("ray", "worker"), ("lm_eval.tasks", "worker"), ("psutil", "pipeline"), ("gradio", "viewer")],
)
def test_a_missing_part_of_the_installation_is_named(
    module: str,
    extras: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def find(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("evalboard.cli.import_module", find)
    assert main(["status"]) == 2
    said = capsys.readouterr().err
    assert f"pip install 'evalboard[{extras}]'" in said
    assert repr(module.partition(".")[0]) in said


def test_help_imports_no_library_that_takes_long() -> None:
    """Of those that the project needs, pydantic alone. One process asks for the help of each verb."""
    program = f"""
import sys
from contextlib import suppress
from evalboard.cli import main
for words in ([], *([verb] for verb in {list(VERBS)})):
    with suppress(SystemExit):
        main([*words, '--help'])
    print(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    imported = [set(line.split()) for line in ended.stderr.splitlines()]
    assert len(imported) == 1 + len(VERBS)
    names = {
        re.split(r"[<>=\[; ]", one)[0].replace("-", "_") for one in requires("evalboard") or ()
    }
    assert {"pandas", "prefect", "ray", "rich", "torch", "vllm"} < names
    assert imported[-1] & names == {"pydantic"}


def test_the_demo_makes_nothing_that_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert main(["demo", "--folder", str(tmp_path / "demo"), "--no-serve"]) == 2
    assert "pip install 'evalboard[worker]'" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
