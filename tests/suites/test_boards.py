from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.process_environment import environment_of
from evalboard.settings import Settings
from evalboard.suites.boards import boards_of, find_board


def settings_of(**values: object) -> Settings:
    return Settings.model_validate({"suite": "open-medical", **values})


def write_suite(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    text = f"name: {name}\ntitle: {name}\nbenchmarks: [{{key: pubmedqa, title: PubMedQA}}]\n"
    path.write_text(text, encoding="utf-8")
    return path


def folders(settings: Settings) -> dict[str, str]:
    return {board.suite.name: board.folder for board in boards_of(settings)}


def test_one_suite_is_one_board() -> None:
    assert folders(settings_of()) == {"open-medical": ""}


def test_further_boards_are_shipped_suites_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_suite(tmp_path, "clinic")
    monkeypatch.chdir(tmp_path)
    settings = settings_of(suites="open-medical-cot, clinic.yaml, open-medical")
    monkeypatch.chdir("/")  # flows may run in another folder
    expected = {
        "open-medical": "",
        "open-medical-cot": "boards/open-medical-cot/",
        "clinic": "boards/clinic/",
    }
    assert folders(settings) == expected
    assert folders(Settings.model_validate({"suites": settings.suites})) == expected
    words = environment_of(settings)["EVALBOARD_SUITES"].split(", ")
    assert words == ["open-medical-cot", str(tmp_path / "clinic.yaml"), "open-medical"]
    assert find_board("", settings).folder == ""
    assert find_board("clinic", settings).folder == "boards/clinic/"


def test_a_suite_without_a_board_and_two_of_one_name_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'demo'.* Use one of open-medical, or"):
        find_board("demo", settings_of())
    own = write_suite(tmp_path, "open-medical")
    with pytest.raises(ConfigError, match="Two suites have the name 'open-medical'"):
        boards_of(settings_of(suites=str(own)))
    with pytest.raises(ConfigError, match="'nonsense'"):
        boards_of(settings_of(suites="nonsense"))
