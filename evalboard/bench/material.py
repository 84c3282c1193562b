"""The material of a measurement in one folder: models, task files, and all programs' settings."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.bench.cases import Case
from evalboard.bench.cutting import cut
from evalboard.bench.prompts import number_of_prompts, write_prompts
from evalboard.demo.questions import write_datasets
from evalboard.engine.environment import environment
from evalboard.process_environment import child_environment
from evalboard.services import die_with_parent
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark, Suite

MAX_LENGTH = 4096
"""Longest context in tokens: with five examples before it, no question loses its left end."""
PRECISIONS = {"cpu": "float32", "cuda": "bfloat16"}
# A server or cluster that is there already would be measured instead of ours.
SERVERS = (
    "EVALBOARD_FORK_SERVER",
    "EVALBOARD_PREFECT_API_URL",
    "EVALBOARD_RAY_ADDRESS",
    "PREFECT_API_URL",
    "RAY_ADDRESS",
)


class Material(NamedTuple):
    """What every program is given."""

    folder: Path
    settings: Settings
    """Of our own programs; the stores lie in a fresh folder per program."""
    suite: Suite
    machine: dict[str, Any]
    """What `evalboard.bench.machine` says."""

    @property
    def device(self) -> str:
        """`cuda` or `cpu`."""
        return "cuda" if self.machine["gpus"] else "cpu"

    @property
    def precision(self) -> str:
        """In which all programs load the model."""
        return PRECISIONS[self.device]

    def benchmarks(self, case: Case) -> tuple[Benchmark, ...]:
        """Return what a case asks."""
        return self.suite.select(case.benchmarks)

    def model_folder(self, case: Case) -> Path:
        """Return the folder of a case's model."""
        return self.folder / "models" / case.model

    def run_folder(self, case: Case) -> Path:
        """Return the folder of a case's runs."""
        return self.folder / "runs" / case.folder

    def task_folder(self, case: Case) -> Path:
        """Return the folder of a case's task files for plain `lm_eval`."""
        return self.folder / "tasks" / case.name.replace(" ", "-")

    def cut_mirror(self, case: Case) -> Path:
        """Return the folder of a case's first questions, for a program that takes no limit."""
        return self.folder / "cut" / case.name.replace(" ", "-")

    def settings_of(self, folder: Path) -> Settings:
        """Return the settings of one program of ours, whose stores are empty at first."""
        return self.settings.model_copy(update={"home": folder / "home"})

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the variables of one program: the same for all, but for its own stores.

        Without the engine's variables vLLM dies on many CPUs, and compiles for 14 s on the others.
        """
        cache = self.folder / "cache"
        variables = child_environment(
            self.settings_of(folder),
            HF_HOME=str(cache / "huggingface"),
            XDG_CACHE_HOME=str(cache),
            OMP_NUM_THREADS=str(self.machine["processors"]),
            **environment(
                device=self.device,
                cpu_kv_cache_gib=self.settings.cpu_kv_cache_gib,
                offline=self.settings.offline,
            ),
        )
        return {name: value for name, value in variables.items() if name not in SERVERS}


def describe_material(settings: Settings, folder: Path, machine: dict[str, Any]) -> Material:
    """Return what will be measured: the medical questions of EVALBOARD_DATASETS, else the demo's.

    Args:
        settings: Of the caller; what they say about stores and servers is left out.
        folder: An empty folder.
        machine: What `evalboard.bench.machine` says.
    """
    suite = load_suite("open-medical" if settings.datasets else "demo")
    datasets = settings.datasets or folder / "datasets"
    if not settings.datasets:
        write_datasets(datasets)
    ours = settings.model_copy(
        update={
            **dict.fromkeys(("requests", "results", "board"), ""),
            **dict.fromkeys(("prefect_api_url", "ray_address", "max_running")),
            "work": Path(),
            "suite": suite.name,
            "datasets": datasets,
            "models": folder / "models",
            "offline": True,
            "backend": "vllm",
            "engine_slots": 1,
            "max_model_length": MAX_LENGTH,
        }
    )
    return Material(folder, ours, suite, machine)


@contextmanager
def workshop() -> Iterator[ProcessPoolExecutor]:
    """Yield a process for what imports torch and lm_eval; it is gone before anything is measured.

    Besides memory this saves the measured programs from the variables that `import lm_eval` sets.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=die_with_parent,
        initargs=(os.getpid(),),
    ) as pool:
        yield pool


def make_material(material: Material, cases: Iterable[Case]) -> dict[str, int]:
    """Make the models and task files of all cases. For the workshop: it imports torch and lm_eval.

    Returns:
        The number of parameters of each model, by its size's name.

    Raises:
        ConfigError: The mirror has not the questions of a benchmark.
        HarnessError: The questions have too few texts for the prompts of a generation.
    """
    from evalboard.bench.models import SHAPES, make_model, make_tokenizer, texts_of

    cases = list(cases)
    questions = {path for case in cases for path in _write_tasks(material, case)}
    for case in cases:
        if case.is_generation:
            texts = texts_of(sorted(questions))
            write_prompts(material.run_folder(case), texts, number_of_prompts(case.limit))
    tokenizer = make_tokenizer(sorted(questions), max_length=MAX_LENGTH)
    models = {each.model: each for case in cases for each in case.of_each_model()}
    return {
        each.size: make_model(
            material.model_folder(each),
            SHAPES[each.size],
            tokenizer,
            precision=material.precision,
            number=each.number,
        )
        for each in models.values()
    }


def _write_tasks(material: Material, case: Case) -> list[Path]:
    from evalboard.bench.mirrored import write_tasks

    folder, mirror = material.task_folder(case), Path(str(material.settings.datasets))
    if folder.exists():
        return []  # another model's case has the same questions
    questions = write_tasks(
        material.benchmarks(case),
        folder,
        definitions=material.suite.tasks,
        mirror=mirror,
        num_fewshot=case.num_fewshot,
    )
    if case.is_queue and case.limit:
        cut(questions, mirror, material.cut_mirror(case), rows=case.limit)
    return questions
