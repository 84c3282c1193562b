from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.suites.loader import load_suite, shipped_suites

SMALL = """
name: small
title: Small
tasks: definitions
benchmarks:
  - {key: anatomy, title: Anatomy}
"""


def write(folder: Path, text: str) -> str:
    file = folder / "small.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_open_medical_has_the_nine_columns_of_its_board() -> None:
    suite = load_suite("open-medical")
    assert {b.key: b.title for b in suite.benchmarks} == {
        "medmcqa": "MedMCQA",
        "medqa_4options": "MedQA",
        "mmlu_anatomy": "MMLU Anatomy",
        "mmlu_clinical_knowledge": "MMLU Clinical Knowledge",
        "mmlu_college_biology": "MMLU College Biology",
        "mmlu_college_medicine": "MMLU College Medicine",
        "mmlu_medical_genetics": "MMLU Medical Genetics",
        "mmlu_professional_medicine": "MMLU Professional Medicine",
        "pubmedqa": "PubMedQA",
    }
    assert {b.metric for b in suite.benchmarks} == {"acc,none"}
    assert {b.num_fewshot for b in suite.benchmarks} == {0}
    # The definitions are lm_eval's own, and only PubMedQA's questions come from elsewhere.
    assert all(b.task_name == b.key for b in suite.benchmarks)
    assert suite.tasks is None
    assert [b.key for b in suite.benchmarks if b.source] == ["pubmedqa"]


def test_open_llm_v1_asks_as_the_leaderboard_of_that_name_did() -> None:
    suite = load_suite("open-llm-v1")
    assert [(b.title, b.num_fewshot, b.metric, b.baseline) for b in suite.benchmarks] == [
        ("ARC", 25, "acc_norm,none", 0.25),
        ("HellaSwag", 10, "acc_norm,none", 0.25),
        ("MMLU", 5, "acc,none", 0.25),
        ("TruthfulQA", 0, "acc,none", 0.0),
        ("WinoGrande", 5, "acc,none", 0.5),
        ("GSM8K", 5, "exact_match,strict-match", 0.0),
    ]
    (mmlu,) = (b for b in suite.benchmarks if b.tasks)
    assert len(mmlu.tasks) == 57
    medical = {b.key for b in load_suite("open-medical").benchmarks if b.key.startswith("mmlu")}
    assert medical < set(mmlu.tasks)


def test_the_demo_brings_its_own_definitions() -> None:
    suite = load_suite("demo")
    assert len(suite.benchmarks) >= 3
    assert suite.tasks is not None
    assert suite.tasks.is_absolute()
    assert suite.tasks.is_dir()


@pytest.mark.parametrize("name", shipped_suites())
def test_every_shipped_suite_is_named_as_its_file(name: str) -> None:
    assert load_suite(name).name == name


def test_a_file_is_a_suite_and_its_folders_are_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, SMALL)
    monkeypatch.chdir(tmp_path)
    suite = load_suite("small.yaml")
    assert suite.name == "small"
    assert suite.tasks == tmp_path / "definitions"


@pytest.mark.parametrize("name", ["no-such-suite", "", "small.yaml", "/etc/hostname", "files/demo"])
def test_an_unknown_suite_names_those_that_there_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="demo, .*open-llm-v1, open-medical") as caught:
        load_suite(name)
    assert repr(name) in caught.value.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("benchmarks: [", "is not YAML"),
        ("\x00", "is not YAML"),
        ("", "the file: "),
        ("- a\n- b\n", "the file: "),
        (SMALL + "colour: blue\n", "colour: "),
        (SMALL.replace("key: anatomy", "key: Anatomy"), "benchmarks.0.key: "),
        (SMALL + "  - {key: anatomy, title: Twice}\n", "duplicate benchmark keys: anatomy"),
        (SMALL + "  - {key: b, task: anatomy, title: Twice}\n", "duplicate lm_eval tasks: anatomy"),
        (SMALL + "  - {key: average, title: Taken}\n", "already columns of the board: average"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(text: str, reason: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError, match="small.yaml") as caught:
        load_suite(file)
    assert reason in caught.value.message


def test_a_file_in_another_encoding_is_not_yaml(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(SMALL.replace("Small", "Ünï").encode("latin-1"))
    with pytest.raises(ConfigError, match="is not YAML"):
        load_suite(str(tmp_path / "small.yaml"))
