import json

import pytest

from evalboard.cli import main
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite


def test_shipped_suites_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suite", "list"]) == 0
    names = capsys.readouterr().out.split()
    assert {"demo", "medical-extended", "open-llm-v1", "open-medical"} <= set(names)
    assert main(["suite", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == names == sorted(names)


def test_a_suite_is_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suite", "show", "open-medical", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert Suite.model_validate(shown) == load_suite("open-medical")


def test_the_boards_own_suite_is_shown_when_none_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["suite", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "demo"
    assert main(["suite", "show"]) == 0
    table = capsys.readouterr().out
    for benchmark in load_suite("demo").benchmarks:
        assert benchmark.key in table


def test_a_group_is_shown_with_its_subjects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suite", "show", "open-llm-v1"]) == 0
    shown = capsys.readouterr().out
    assert "57 subjects" in shown
    for subject in load_suite("open-llm-v1").benchmarks[2].tasks:
        assert subject in shown
