"""Loading benchmarks: from a small mirror of our own, and from the real questions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import lm_eval
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lm_eval.tasks import TaskManager

from evalboard.engine.definitions import task_manager
from evalboard.engine.tasks import LoadedTask, TaskLibrary
from evalboard.errors import ConfigError, DataMissing, HarnessError
from evalboard.identity import BenchmarkIdentity
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark, DataSource

REPOSITORY = Path(__file__).parents[2]
ANATOMY = Benchmark(key="anatomy", title="Anatomy", task="mmlu_anatomy")
ROWS = {
    "medmcqa": 4183,
    "medqa_4options": 1273,
    "mmlu_anatomy": 135,
    "mmlu_clinical_knowledge": 265,
    "mmlu_college_biology": 144,
    "mmlu_college_medicine": 173,
    "mmlu_medical_genetics": 100,
    "mmlu_professional_medicine": 272,
    "pubmedqa": 500,
}
# Prints the identity of every benchmark of a suite with the questions of a mirror folder.
IDENTITIES = """
import json, sys
from pathlib import Path
from evalboard.engine.tasks import TaskLibrary
from evalboard.suites.loader import load_suite

suite = load_suite("open-medical")
library = TaskLibrary(suite.benchmarks, mirror=Path(sys.argv[1]), offline=True)
found = {b.key: library.load(b).identity.model_dump() for b in suite.benchmarks}
print(json.dumps(found))
"""


def questions(count: int, *, bone: str = "femur") -> list[dict[str, Any]]:
    """Make questions in the shape of `cais/mmlu`."""
    return [
        {
            "question": f"Which bone is number {number}?",
            "subject": "anatomy",
            "choices": [bone, "ulna", "atlas", "sacrum"],
            "answer": number % 4,
        }
        for number in range(count)
    ]


def write_split(mirror: Path, split: str, rows: Sequence[dict[str, Any]]) -> None:
    folder = mirror / "cais" / "mmlu" / "anatomy"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / f"{split}.parquet")


def load(mirror: Path | None, benchmark: Benchmark = ANATOMY, **options: Any) -> LoadedTask:
    return TaskLibrary([benchmark], mirror=mirror, offline=True).load(benchmark, **options)


@pytest.fixture(scope="module", autouse=True)
def _definitions_found_once() -> Iterator[None]:
    """Look through lm_eval's thousands of files once, not in every test."""

    @cache
    def find(names: tuple[str, ...], own: Path | None) -> TaskManager:
        return task_manager(names, own=own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "evalboard.engine.tasks.task_manager", lambda names, *, own: find(tuple(names), own)
        )
        yield


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with six questions and three examples."""
    folder = tmp_path / "mirror"
    write_split(folder, "test", questions(6))
    write_split(folder, "dev", questions(3, bone="tibia"))
    return folder


@pytest.fixture(scope="module")
def medical(real_datasets: Path) -> dict[str, LoadedTask]:
    """The medical suite with its real questions."""
    suite = load_suite("open-medical")
    library = TaskLibrary(suite.benchmarks, mirror=real_datasets, offline=True)
    return {benchmark.key: library.load(benchmark) for benchmark in suite.benchmarks}


def test_a_benchmark_is_lm_evals_task_with_the_mirrors_questions(mirror: Path) -> None:
    loaded = load(mirror)
    assert loaded.n_original == 6
    assert loaded.task.config.task == "mmlu_anatomy"
    document = loaded.task.eval_docs[1]
    assert str(loaded.task.doc_to_text(document)).startswith("Which bone is number 1?\nA. femur")
    assert loaded.config["output_type"] == "multiple_choice"
    assert loaded.config["fewshot_split"] == "dev"
    text = json.dumps(loaded.config)
    assert json.loads(text) == loaded.config
    assert str(Path(lm_eval.__file__).parent) not in text
    assert str(mirror) not in text
    identity = loaded.identity
    assert (identity.task, identity.num_fewshot, identity.limit) == ("mmlu_anatomy", 0, None)


def test_the_same_questions_elsewhere_are_the_same_benchmark(mirror: Path, tmp_path: Path) -> None:
    shutil.copytree(mirror, tmp_path / "elsewhere")
    again = load(tmp_path / "elsewhere")
    assert again.identity == load(mirror).identity
    assert again.config == load(mirror).config


@pytest.mark.parametrize(
    "rows", [questions(5), questions(6, bone="fibula"), list(reversed(questions(6)))]
)
def test_other_questions_are_another_benchmark(
    rows: list[dict[str, Any]], mirror: Path, tmp_path: Path
) -> None:
    write_split(tmp_path / "other", "test", rows)
    other = load(tmp_path / "other").identity
    mine = load(mirror).identity
    assert other.dataset_fingerprint != mine.dataset_fingerprint
    assert other.config_hash == mine.config_hash


def test_a_split_that_is_not_needed_does_not_count(mirror: Path) -> None:
    whole = load(mirror)
    (mirror / "cais" / "mmlu" / "anatomy" / "dev.parquet").unlink()
    without = load(mirror)
    assert without.identity == whole.identity
    assert without.config == whole.config


def test_examples_count_when_they_are_shown(mirror: Path, tmp_path: Path) -> None:
    loaded = load(mirror, num_fewshot=2)
    assert loaded.identity.num_fewshot == loaded.task.config.num_fewshot == 2
    assert loaded.identity.dataset_fingerprint != load(mirror).identity.dataset_fingerprint
    other = tmp_path / "other"
    shutil.copytree(mirror, other)
    write_split(other, "dev", questions(3, bone="rib"))
    fingerprint = load(other, num_fewshot=2).identity.dataset_fingerprint
    assert fingerprint != loaded.identity.dataset_fingerprint
    assert load(other).identity == load(mirror).identity


def test_the_suites_own_number_of_examples_can_be_overruled(mirror: Path) -> None:
    two = ANATOMY.model_copy(update={"num_fewshot": 2})
    assert load(mirror, two).identity == load(mirror, num_fewshot=2).identity
    assert load(mirror, two, num_fewshot=0).identity == load(mirror).identity


def test_a_limit_is_part_of_the_identity(mirror: Path) -> None:
    loaded = load(mirror, limit=3)
    assert loaded.identity == load(mirror).identity.model_copy(update={"limit": 3})
    assert loaded.n_original == 6


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "cais" / "mmlu" / "anatomy"
    with pytest.raises(DataMissing, match="'anatomy'.*offline") as caught:
        load(tmp_path)
    assert repr(str(folder)) in caught.value.message
    with pytest.raises(DataMissing, match="EVALBOARD_DATASETS"):
        load(None)


@pytest.mark.parametrize(("lost", "shots"), [("test", 0), ("test", 2), ("dev", 2)])
def test_a_missing_split_is_named(lost: str, shots: int, mirror: Path) -> None:
    folder = mirror / "cais" / "mmlu" / "anatomy"
    (folder / f"{lost}.parquet").unlink()
    with pytest.raises(DataMissing, match=rf"no {lost}\.parquet") as caught:
        load(mirror, num_fewshot=shots)
    assert repr(str(folder)) in caught.value.message


def test_questions_without_the_columns_of_the_task_are_refused(tmp_path: Path) -> None:
    write_split(tmp_path, "test", [{"text": "no question"}])
    with pytest.raises(HarnessError, match="'mmlu_anatomy'.*columns"):
        load(tmp_path)


def test_a_file_that_is_no_parquet_is_missing_data(mirror: Path) -> None:
    file = mirror / "cais" / "mmlu" / "anatomy" / "test.parquet"
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataMissing, match="cannot be loaded"):
        load(mirror)


def test_an_unknown_task_is_refused_at_once() -> None:
    benchmark = Benchmark(key="nothing", title="Nothing", task="no_such_task")
    with pytest.raises(ConfigError, match="'no_such_task'"):
        TaskLibrary([ANATOMY, benchmark])


def test_a_suite_may_name_another_source(mirror: Path) -> None:
    folder = mirror / "cais" / "mmlu" / "anatomy"
    files = {split: str(folder / f"{split}.parquet") for split in ("test", "dev")}
    benchmark = ANATOMY.model_copy(update={"source": DataSource(files=files)})
    loaded = TaskLibrary([benchmark]).load(benchmark)
    assert loaded.identity == load(mirror).identity


def test_the_real_questions_are_all_there(medical: dict[str, LoadedTask]) -> None:
    assert {key: loaded.n_original for key, loaded in medical.items()} == ROWS
    assert sum(ROWS.values()) == 7045


def test_two_processes_with_two_mirrors_see_the_same_benchmarks(
    medical: dict[str, LoadedTask], real_datasets: Path, tmp_path: Path
) -> None:
    for repository in ("openlifescienceai", "GBaker", "cais", "bigbio"):
        shutil.copytree(real_datasets / repository, tmp_path / "mirror" / repository)
    done = subprocess.run(
        [sys.executable, "-c", IDENTITIES, str(tmp_path / "mirror")],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONHASHSEED": "7",
            "HF_HOME": str(tmp_path / "cache"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    mine = {key: loaded.identity for key, loaded in medical.items()}
    assert {k: BenchmarkIdentity.model_validate(v) for k, v in theirs.items()} == mine
    assert len({identity.dataset_fingerprint for identity in mine.values()}) == len(mine)


@pytest.mark.parametrize(("key", "split"), [("medqa_4options", "train"), ("pubmedqa", "train")])
def test_real_questions_without_examples_say_so(key: str, split: str, real_datasets: Path) -> None:
    (benchmark,) = load_suite("open-medical").select((key,))
    with pytest.raises(DataMissing, match=rf"no {split}\.parquet"):
        load(real_datasets, benchmark, num_fewshot=1)
