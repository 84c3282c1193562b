from pathlib import Path

from evalboard.settings import Settings
from evalboard.suites.agreement import board_settings, differences


def test_machines_agree_wherever_their_folders_are_and_not_on_another_store(tmp_path: Path) -> None:
    def of(**changes: object) -> dict[str, str]:
        return board_settings(Settings.model_validate({"suite": "demo", **changes}))

    here = of(home=tmp_path / "a", gpu_memory_fraction=0.5)
    assert differences(here, of(home=tmp_path / "b")) == []
    (said,) = differences(of(max_model_length=4096), here)
    assert said == "EVALBOARD_MAX_MODEL_LENGTH is '4096' here and 'None' for the board."
    hosted = of(results="hf://datasets/org/results")
    (said,) = differences(here, hosted)
    assert "EVALBOARD_RESULTS is 'not set' here" in said


def test_a_suite_file_is_known_by_its_content(tmp_path: Path) -> None:
    text = """
name: small
title: Small
benchmarks:
  - {key: mmlu_anatomy, title: MMLU Anatomy, baseline: 0.25}
"""
    files = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for file, content in zip(files, (text, text, text.replace("0.25", "0.2")), strict=True):
        file.write_text(content, encoding="utf-8")
    first, same, other = (
        board_settings(Settings.model_validate({"suite": str(file)})) for file in files
    )
    assert differences(first, same) == []
    assert len(differences(first, other)) == 1
