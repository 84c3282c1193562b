"""Folders that lm_eval's own program has written, and what others make of its numbers, imported."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalboard.cli import main
from evalboard.demo.models import make_random_model
from evalboard.demo.questions import write_datasets
from evalboard.records.reported import ReportedScore
from evalboard.reproducing.tasks import plain_tasks
from evalboard.settings import Settings, load_settings
from evalboard.stores.addresses import open_reported
from evalboard.suites.loader import load_suite

pytestmark = pytest.mark.slow

SUITE = load_suite("demo")
TASKS = [benchmark.key for benchmark in SUITE.benchmarks]
MODEL = "test/random"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that `lm_eval run` has written for a tiny model in the current folder."""
    home = tmp_path_factory.mktemp("lm_eval")
    make_random_model(home / MODEL)
    write_datasets(home / "datasets")
    folder = home / "tasks"
    plain_tasks(SUITE.benchmarks, SUITE, mirror=home / "datasets", folder=folder, generation={})
    for file in folder.iterdir():  # under the names that others run
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("task: plain_", "task: "), encoding="utf-8")
    words = ["run", "--model", "hf", "--model_args", f"pretrained={MODEL},dtype=float32"]
    words += ["--tasks", *TASKS, "--include_path", str(folder), "--device", "cpu"]
    words += ["--batch_size", "16", "--log_samples", "--output_path", "output"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(home / "cache")}
    program = [sys.executable, "-m", "lm_eval", *words]
    subprocess.run(program, cwd=home, env=os.environ | offline, check=True, capture_output=True)
    return home / "output"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_SUITE", "demo")
    return load_settings()


@pytest.fixture
def import_folder(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path, str], list[dict[str, Any]]]:
    """Return a function that imports a folder and returns the report, one entry per result."""

    def import_folder(folder: Path, form: str) -> list[dict[str, Any]]:
        assert main(["import", str(folder), "--from", form, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return import_folder


def document(written: Path) -> dict[str, Any]:
    """Return the results that lm_eval has written."""
    (file,) = written.rglob("results_*.json")
    return json.loads(file.read_text(encoding="utf-8"))


def scores(results: dict[str, Any]) -> dict[str, ReportedScore]:
    entries = results["results"]
    return {
        task: ReportedScore(
            value=entries[task]["acc,none"], stderr=entries[task]["acc_stderr,none"]
        )
        for task in TASKS
    }


def originals(settings: Settings) -> list[str]:
    """Return the imported texts that the store keeps."""
    kept = Path(settings.store_address("results")).rglob("*.json")
    return [json.loads(file.read_text(encoding="utf-8"))["original"] for file in kept]


def test_a_folder_of_lm_eval_is_imported_whole(
    written: Path,
    settings: Settings,
    import_folder: Callable[[Path, str], list[dict[str, Any]]],
) -> None:
    (one,) = import_folder(written, "lm-eval")
    (row,) = open_reported(settings).read("demo")
    assert row.scores == scores(document(written))
    assert (row.model, row.precision, row.setting) == (MODEL, "float32", "0-shot")
    (file,) = written.rglob("results_*.json")
    assert one["path"] == file.relative_to(written).as_posix()
    assert originals(settings) == [file.read_text(encoding="utf-8")]
    answers = [note for note in one["notes"] if "answers is" in note]
    assert len(answers) == len(one["notes"]) == len(TASKS)
    assert all(note.endswith(", as reported.") for note in answers)


def first_template(results: dict[str, Any]) -> dict[str, Any]:
    """Return what the leaderboard template's back end writes: lm_eval's results with its own config."""
    config = {"model_name": "lab/tiny", "model_sha": "c" * 40, "model_dtype": "torch.float16"}
    return results | {"config": results["config"] | config}


def earlier_first_template(results: dict[str, Any]) -> dict[str, Any]:
    """Return the same numbers as the Open LLM Leaderboard v1 kept them."""
    config = {"model_name": "lab/old", "model_sha": "d" * 40, "model_dtype": "bfloat16"}
    entries = {
        f"harness|{task}|0": {"acc": one.value, "acc_stderr": one.stderr}
        for task, one in scores(results).items()
    }
    return {"config_general": config, "results": entries, "versions": {}}


def second_template(results: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `contents`, with the scores and the normalised ones."""
    row: dict[str, Any] = {"fullname": "lab/second", "Model sha": "e" * 40, "Precision": "bfloat16"}
    for benchmark in SUITE.benchmarks:
        value = results["results"][benchmark.key]["acc,none"]
        normalised = 100 * max(0, (value - benchmark.baseline) / (1 - benchmark.baseline))
        row |= {f"{benchmark.title} Raw": value, benchmark.title: normalised}
    return row


def test_the_same_numbers_in_the_forms_of_the_templates_are_the_same_scores(
    written: Path,
    tmp_path: Path,
    settings: Settings,
    import_folder: Callable[[Path, str], list[dict[str, Any]]],
) -> None:
    results, folder = document(written), tmp_path / "theirs"
    for name, made in (("tiny", first_template), ("old", earlier_first_template)):
        (folder / "lab" / name).mkdir(parents=True)
        file = folder / "lab" / name / "results_2024-06-01 10:00:00.123456.json"
        file.write_text(json.dumps(made(results), indent=2), encoding="utf-8")
    pd.DataFrame([second_template(results)]).to_parquet(folder / "contents.parquet")
    report = import_folder(folder, "leaderboard")

    rows = {row.model: row for row in open_reported(settings).read("demo")}
    expected = scores(results)
    assert rows["lab/tiny"].scores == rows["lab/old"].scores == expected
    values = {key: one.value for key, one in rows["lab/second"].scores.items()}
    assert values == {key: one.value for key, one in expected.items()}
    assert {rows[name].revision[0] for name in rows} == {"c", "d", "e"}
    assert len(report) == len(originals(settings)) == 3
    kept = [json.loads(text) for text in originals(settings)]
    for made in (first_template, earlier_first_template, second_template):
        assert made(results) in kept


def test_what_authors_got_wrong_is_said_and_nothing_else_is_lost(
    written: Path,
    tmp_path: Path,
    settings: Settings,
    import_folder: Callable[[Path, str], list[dict[str, Any]]],
) -> None:
    """One real result, and in each file another mistake in the entry of the first task."""
    results, (first, *others) = document(written), TASKS
    right = results["results"][first]
    value, stderr = right["acc,none"], right["acc_stderr,none"]
    without = {k: v for k, v in right.items() if not k.startswith("acc_stderr")}
    mistakes: dict[str, tuple[Any, ReportedScore | None, str]] = {
        "no stderr": (without, ReportedScore(value=value), "has no standard error."),
        "no number": (
            right | {"acc_stderr,none": "N/A"},
            ReportedScore(value=value),
            "has no standard error ('N/A').",
        ),
        "nan as text": (right | {"acc,none": "NaN"}, None, "'NaN', which is no number: left out."),
        "nan": (right | {"acc,none": math.nan}, None, "is nan, which is no number: left out."),
        "text": (
            right | {"acc,none": str(value)},
            ReportedScore(value=value, stderr=stderr),
            "read as a number.",
        ),
        "another name": (
            {"accuracy": value, "accuracy_stderr": stderr},
            ReportedScore(value=value, stderr=stderr),
            "metric 'accuracy' is taken for 'acc,none'.",
        ),
        "another metric": ({"f1,none": value}, None, "has no 'acc,none', only f1,none: left out."),
    }
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, (entry, _, _) in mistakes.items():
        changed = first_template(results) | {"results": results["results"] | {first: entry}}
        changed["config"] = changed["config"] | {"model_name": f"lab/{name}"}
        (folder / f"results_{name}.json").write_text(json.dumps(changed), encoding="utf-8")
    report = {one["path"]: one for one in import_folder(folder, "leaderboard")}

    rows = {row.model: row for row in open_reported(settings).read("demo")}
    expected = {key: one for key, one in scores(results).items() if key in others}
    for name, (_, score, said) in mistakes.items():
        assert rows[f"lab/{name}"].scores == expected | ({first: score} if score else {})
        notes = report[f"results_{name}.json"]["notes"]
        assert any(said in note for note in notes), (name, notes)
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir()]
    assert sorted(originals(settings)) == sorted(texts)
