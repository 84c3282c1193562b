"""Loading benchmarks: from a small mirror of our own, and from the real questions."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import lm_eval
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lm_eval.tasks import TaskManager

from evalboard.engine.benchmarks.definitions import task_manager
from evalboard.engine.benchmarks.harness import seed_examples, set_seeds
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedBenchmark, LoadedTask
from evalboard.errors import ConfigError, DataMissing, HarnessError
from evalboard.identity import BenchmarkIdentity
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark, DataSource

REPOSITORY = Path(__file__).parents[2]
ANATOMY = Benchmark(key="anatomy", title="Anatomy", task="mmlu_anatomy")
# A definition that shuffles its questions, as some of lm_eval's do.
SHUFFLING = """
task: shuffled
dataset_path: cais/mmlu
dataset_name: anatomy
test_split: test
output_type: multiple_choice
process_docs: !function shuffling.shuffled
doc_to_text: question
doc_to_choice: choices
doc_to_target: answer
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
metadata: {version: 1}
"""
SHUFFLED = """
import random


def shuffled(dataset):
    return dataset.select(random.sample(range(len(dataset)), len(dataset)))
"""
SHUFFLED_QUESTIONS = Benchmark(key="shuffled", title="Shuffled")
# What draws examples, with what Python cannot copy.
LOCKED = """

import threading

from lm_eval.api.samplers import FirstNSampler


class Locked(FirstNSampler):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.lock = threading.Lock()
"""
SUBJECTS = ("anatomy", "astronomy", "virology", "nutrition", "sociology")
MMLU = Benchmark(
    key="mmlu", title="MMLU", tasks=tuple(f"mmlu_{subject}" for subject in SUBJECTS), num_fewshot=2
)
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
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.suites.loader import load_suite

suite = load_suite("open-medical")
library = TaskLibrary(suite.benchmarks, mirror=Path(sys.argv[1]), offline=True)
found = {b.key: library.load(b).identity[0].model_dump() for b in suite.benchmarks}
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


def write_split(
    mirror: Path, split: str, rows: Sequence[dict[str, Any]], *, subject: str = "anatomy"
) -> None:
    folder = mirror / "cais" / "mmlu" / subject
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / f"{split}.parquet")


def load(mirror: Path | None, benchmark: Benchmark = ANATOMY, **options: Any) -> LoadedTask:
    """Load a benchmark of a single task."""
    library = TaskLibrary([benchmark], mirror=mirror, offline=True)
    (task,) = library.load(benchmark, **options).tasks
    return task


def shuffled_library(mirror: Path, definitions: Path) -> TaskLibrary:
    return TaskLibrary([SHUFFLED_QUESTIONS], definitions=definitions, mirror=mirror, offline=True)


@pytest.fixture(scope="module", autouse=True)
def _definitions_found_once() -> Iterator[None]:
    """Look through lm_eval's thousands of files once, not in every test."""

    @cache
    def find(names: tuple[str, ...], own: Path | None) -> TaskManager:
        return task_manager(names, own=own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "evalboard.engine.benchmarks.library.task_manager",
            lambda names, *, own: find(tuple(names), own),
        )
        yield


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with six questions and three examples."""
    folder = tmp_path / "mirror"
    write_split(folder, "test", questions(6))
    write_split(folder, "dev", questions(3, bone="tibia"))
    return folder


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    """A folder with the definition of a task that shuffles its questions."""
    folder = tmp_path / "definitions"
    folder.mkdir()
    (folder / "shuffled.yaml").write_text(SHUFFLING, encoding="utf-8")
    (folder / "shuffling.py").write_text(SHUFFLED, encoding="utf-8")
    return folder


@pytest.fixture
def group_mirror(tmp_path: Path) -> Path:
    """A mirror with two to six questions and three examples for every subject of `MMLU`."""
    for count, subject in enumerate(SUBJECTS, start=2):
        rows = questions(count, bone=subject)
        write_split(tmp_path / "group", "test", rows, subject=subject)
        write_split(tmp_path / "group", "dev", questions(3), subject=subject)
    return tmp_path / "group"


def load_group(mirror: Path, **options: Any) -> LoadedBenchmark:
    return TaskLibrary([MMLU], mirror=mirror, offline=True).load(MMLU, **options)


@pytest.fixture(scope="module")
def medical(real_datasets: Path) -> dict[str, LoadedTask]:
    """The medical suite with its real questions."""
    suite = load_suite("open-medical")
    library = TaskLibrary(suite.benchmarks, mirror=real_datasets, offline=True)
    return {benchmark.key: library.load(benchmark).tasks[0] for benchmark in suite.benchmarks}


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
    with pytest.raises(DataMissing, match=rf"{lost}\.parquet is missing") as caught:
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
    assert loaded.identity == (load(mirror).identity,)


def with_files(mirror: Path) -> Benchmark:
    """Return a benchmark whose suite names files."""
    folder = mirror / "cais" / "mmlu" / "anatomy"
    files = {split: str(folder / f"{split}.parquet") for split in ("test", "dev")}
    return ANATOMY.model_copy(update={"source": DataSource(files=files)})


def test_questions_are_fetched_once_for_engines_without_a_network(
    mirror: Path, tmp_path: Path
) -> None:
    benchmark, fetched = with_files(mirror), tmp_path / "fetched"
    with pytest.raises(DataMissing):
        TaskLibrary([benchmark], fetched=fetched, offline=True).load(benchmark)
    TaskLibrary([benchmark], fetched=fetched).fetch(benchmark)
    (mirror / "cais" / "mmlu" / "anatomy" / "test.parquet").unlink()
    loaded = TaskLibrary([benchmark], fetched=fetched, offline=True).load(benchmark)
    assert loaded.identity[0].dataset_fingerprint
    TaskLibrary([benchmark], fetched=fetched, offline=True).fetch(
        benchmark
    )  # nothing is read again
    assert len(list(fetched.iterdir())) == 1


def test_fetched_questions_are_the_questions(mirror: Path, tmp_path: Path) -> None:
    benchmark, fetched = with_files(mirror), tmp_path / "fetched"
    for shots in (0, 2):
        TaskLibrary([benchmark], fetched=fetched).fetch(benchmark, num_fewshot=shots)
        library = TaskLibrary([benchmark], fetched=fetched, offline=True)
        loaded = library.load(benchmark, num_fewshot=shots)
        assert loaded.identity == (load(mirror, num_fewshot=shots).identity,)
    assert len(list(fetched.iterdir())) == 2  # with examples it is another split, too


def test_questions_of_another_source_are_fetched_anew(mirror: Path, tmp_path: Path) -> None:
    benchmark, fetched = with_files(mirror), tmp_path / "fetched"
    TaskLibrary([benchmark], fetched=fetched).fetch(benchmark)
    other = benchmark.model_copy(update={"source": DataSource(repo="a/b", revision="1" * 40)})
    with pytest.raises(DataMissing):
        TaskLibrary([other], fetched=fetched, offline=True).load(other)


def test_a_group_is_all_its_subjects(group_mirror: Path) -> None:
    loaded = load_group(group_mirror)
    assert [identity.task for identity in loaded.identity] == list(MMLU.tasks)
    assert [task.n_original for task in loaded.tasks] == [2, 3, 4, 5, 6]
    assert loaded.n_effective == 20
    assert load_group(group_mirror, limit=3).n_effective == 2 + 4 * 3
    assert loaded.num_fewshot == 2
    assert len({task.task for task in loaded.tasks}) == len(SUBJECTS)


def test_a_subject_alone_is_what_it_is_in_its_group(group_mirror: Path) -> None:
    group = load_group(group_mirror)
    alone = [load(group_mirror, subject) for subject in MMLU.subjects]
    assert group.identity == tuple(task.identity for task in alone)


def test_the_questions_of_every_subject_count(group_mirror: Path) -> None:
    before = load_group(group_mirror)
    write_split(group_mirror, "test", questions(4, bone="other"), subject="virology")
    after = load_group(group_mirror)
    changed = [one != two for one, two in zip(before.identity, after.identity, strict=True)]
    assert changed == [subject == "virology" for subject in SUBJECTS]
    assert after.dataset_fingerprint != before.dataset_fingerprint


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (["astronomy"], "1 of its 5 subjects have no questions (mmlu_astronomy)"),
        (list(SUBJECTS), "5 of its 5 subjects have no questions (mmlu_anatomy, mmlu_astronomy, "),
    ],
)
def test_subjects_without_questions_are_named(
    lost: list[str], said: str, group_mirror: Path
) -> None:
    for subject in lost:
        shutil.rmtree(group_mirror / "cais" / "mmlu" / subject)
    with pytest.raises(DataMissing) as caught:
        load_group(group_mirror)
    assert said in caught.value.message
    assert ("and 2 more" in caught.value.message) is (len(lost) > 3)
    assert repr(str(group_mirror / "cais" / "mmlu" / lost[0])) in caught.value.message


def test_subjects_need_their_examples_only_when_they_are_shown(group_mirror: Path) -> None:
    (group_mirror / "cais" / "mmlu" / "virology" / "dev.parquet").unlink()
    with pytest.raises(DataMissing, match=r"\(mmlu_virology\).*dev\.parquet"):
        load_group(group_mirror)
    assert load_group(group_mirror, num_fewshot=0).n_effective == 20


def is_read_again(first: LoadedTask, second: LoadedTask) -> bool:
    """Return whether the questions of two tasks are in two places of the memory."""
    tables = [task.task.dataset["test"].data.table for task in (first, second)]
    return tables[0] is not tables[1]


def test_questions_are_read_once_and_no_evaluation_touches_those_of_the_next(mirror: Path) -> None:
    library = TaskLibrary([ANATOMY], mirror=mirror, offline=True)
    (first,) = library.load(ANATOMY, num_fewshot=2).tasks
    asked = asked_of(first)
    changed = first.generating({"max_gen_toks": 7})
    (second,) = library.load(ANATOMY, num_fewshot=2).tasks
    assert not is_read_again(first, second)
    assert not hasattr(second.task, "_instances")
    assert second.identity == first.identity != changed.identity
    assert second.task.config.generation_kwargs != changed.task.config.generation_kwargs
    assert asked_of(second) == asked == asked_of(load(mirror, num_fewshot=2))


def asked_of(loaded: LoadedTask) -> list[Any]:
    """Return what a task asks a model in an evaluation."""
    set_seeds()
    seed_examples([loaded.task])
    loaded.task.build_all_requests()
    return [each.arguments for each in loaded.task.instances]


def write_other_questions(mirror: Path, definitions: Path) -> None:
    write_split(mirror, "test", questions(6, bone="tibia"))


def put_other_questions_in_their_place(mirror: Path, definitions: Path) -> None:
    """As `rsync --times` does: a file of the same size and time."""
    file = mirror / "cais" / "mmlu" / "anatomy" / "test.parquet"
    before = file.stat()
    file.rename(file.with_suffix(".old"))
    write_split(mirror, "test", questions(6, bone="tibia"))
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_the_definition(mirror: Path, definitions: Path) -> None:
    file = definitions / "shuffled.yaml"
    text = file.read_text(encoding="utf-8").replace("doc_to_text: question", "doc_to_text: subject")
    file.write_text(text, encoding="utf-8")


def change_its_function(mirror: Path, definitions: Path) -> None:
    text = SHUFFLED.replace(", len(dataset))", ", len(dataset) - 1)")
    (definitions / "shuffling.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        write_other_questions,
        put_other_questions_in_their_place,
        change_the_definition,
        change_its_function,
    ],
)
def test_what_has_changed_is_read_again(
    change: Callable[[Path, Path], None], mirror: Path, definitions: Path
) -> None:
    library = shuffled_library(mirror, definitions)
    (before,) = library.load(SHUFFLED_QUESTIONS).tasks
    change(mirror, definitions)
    (after,) = library.load(SHUFFLED_QUESTIONS).tasks
    assert before.identity != after.identity
    fresh = shuffled_library(mirror, definitions)
    assert fresh.load(SHUFFLED_QUESTIONS).tasks[0].identity == after.identity


def test_questions_that_are_gone_are_missing_although_they_were_read(mirror: Path) -> None:
    library = TaskLibrary([ANATOMY], mirror=mirror, offline=True)
    library.load(ANATOMY)
    shutil.rmtree(mirror)
    with pytest.raises(DataMissing):
        library.load(ANATOMY)


def test_a_task_that_has_no_copy_is_made_again(mirror: Path, definitions: Path) -> None:
    text = SHUFFLING + "fewshot_config: {split: dev, sampler: !function shuffling.Locked}"
    (definitions / "shuffled.yaml").write_text(text, encoding="utf-8")
    (definitions / "shuffling.py").write_text(SHUFFLED + LOCKED, encoding="utf-8")
    library = shuffled_library(mirror, definitions)
    tasks = [library.load(SHUFFLED_QUESTIONS, num_fewshot=1).tasks[0] for _ in range(2)]
    assert is_read_again(*tasks)
    assert tasks[0].identity == tasks[1].identity
    assert asked_of(tasks[0]) == asked_of(tasks[1])


def test_templates_are_compiled_once(mirror: Path) -> None:
    write_split(mirror, "test", questions(60))
    loaded = load(mirror, num_fewshot=3)
    loaded.task.set_fewshot_seed(0)
    before = lm_eval.utils.env.from_string.cache_info().misses  # pyright: ignore[reportFunctionMemberAccess]
    loaded.task.build_all_requests()
    assert len(loaded.task.instances) == 60 * 4
    after = lm_eval.utils.env.from_string.cache_info().misses  # pyright: ignore[reportFunctionMemberAccess]
    assert after - before <= 2


def test_what_a_definition_shuffles_is_the_same_each_time(mirror: Path, definitions: Path) -> None:
    def identity() -> Any:
        library = shuffled_library(mirror, definitions)
        return library.load(SHUFFLED_QUESTIONS).identity

    random.seed(1)
    first = identity()
    random.seed(2)
    assert identity() == first


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
    with pytest.raises(DataMissing, match=rf"{split}\.parquet is missing"):
        load(real_datasets, benchmark, num_fewshot=1)


@pytest.mark.parametrize("key", ["medmcqa", "medqa_4options", "pubmedqa"])
def test_real_benchmarks_without_examples_do_not_stop_the_others(
    key: str, real_datasets: Path
) -> None:
    suite = load_suite("open-medical")
    library = TaskLibrary(suite.benchmarks, mirror=real_datasets, offline=True)
    with pytest.raises(DataMissing):
        library.load(*suite.select((key,)), num_fewshot=5)
    assert library.load(*suite.select(("mmlu_anatomy",)), num_fewshot=5).n_effective == 135


def test_what_of_the_open_llm_suite_is_in_the_real_mirror(real_datasets: Path) -> None:
    suite = load_suite("open-llm-v1")
    library = TaskLibrary(suite.benchmarks, mirror=real_datasets, offline=True)
    there = ("arc_challenge", "truthfulqa_mc2", "winogrande", "gsm8k", "mmlu_anatomy")
    found = {key: library.load(*suite.select((key,))) for key in there}
    assert {key: loaded.n_effective for key, loaded in found.items()} == {
        "arc_challenge": 1172,
        "truthfulqa_mc2": 817,
        "winogrande": 1267,
        "gsm8k": 1319,
        "mmlu_anatomy": 135,
    }
    assert [loaded.num_fewshot for loaded in found.values()] == [25, 0, 5, 5, 5]
    with pytest.raises(DataMissing, match="'hellaswag'"):
        library.load(*suite.select(("hellaswag",)))
    with pytest.raises(DataMissing, match="'mmlu': 51 of its 57 subjects"):
        library.load(*suite.select(("mmlu",)))
