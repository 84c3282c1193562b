"""Made-up questions in the shape of the data sets of the Open LLM Leaderboard, and a tiny model."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from lm_eval.evaluator import simple_evaluate
from lm_eval.models.huggingface import HFLM

from evalboard.demo.models import make_random_model
from evalboard.engine.benchmarks.definitions import task_manager

WORDS = "the of bone heart nerve and dose fever pulse rib cell a blood lung vein".split()
FOLDERS = {
    "arc_challenge": "allenai/ai2_arc/ARC-Challenge",
    "hellaswag": "Rowan/hellaswag/default",
    "truthfulqa_mc2": "truthfulqa/truthful_qa/multiple_choice",
    "winogrande": "allenai/winogrande/winogrande_xl",
    "gsm8k": "openai/gsm8k/main",
    "mmlu_anatomy": "cais/mmlu/anatomy",
    "mmlu_astronomy": "cais/mmlu/astronomy",
    "mmlu_virology": "cais/mmlu/virology",
}
"""Where the questions of a task lie in a mirror."""


def _sentence(source: random.Random, longest: int) -> str:
    return " ".join(source.choices(WORDS, k=source.randint(1, longest)))


def _arc(source: random.Random, number: int) -> dict[str, Any]:
    # One-word choices beside long ones: dividing by the length changes the order.
    texts = [_sentence(source, 12) for _ in range(4)]
    return {
        "id": str(number),
        "question": _sentence(source, 10),
        "choices": {"text": texts, "label": ["A", "B", "C", "D"]},
        "answerKey": "ABCD"[number % 4],
    }


def _hellaswag(source: random.Random, number: int) -> dict[str, Any]:
    return {
        "activity_label": _sentence(source, 2),
        "ctx_a": f"{_sentence(source, 6)} [title]",
        "ctx_b": _sentence(source, 3),
        "endings": [_sentence(source, 9) for _ in range(4)],
        "label": str(number % 4),
    }


def _truthful(source: random.Random, number: int) -> dict[str, Any]:
    count = 3 + number % 4
    targets = {
        "choices": [_sentence(source, 6) for _ in range(count)],
        "labels": [int(place <= number % 2) for place in range(count)],
    }
    return {"question": _sentence(source, 8), "mc1_targets": targets, "mc2_targets": targets}


def _winogrande(source: random.Random, number: int) -> dict[str, Any]:
    return {
        "sentence": f"{_sentence(source, 6)} _ {_sentence(source, 4)}.",
        "option1": f"heart {number}",
        "option2": f"lung {number}",
        "answer": str(1 + number % 2),
    }


def _gsm8k(source: random.Random, number: int) -> dict[str, Any]:
    return {"question": _sentence(source, 8), "answer": f"{_sentence(source, 5)}\n#### {number}"}


def _mmlu(source: random.Random, number: int) -> dict[str, Any]:
    return {
        "question": _sentence(source, 10),
        "subject": "its own name",
        "choices": [_sentence(source, 3) for _ in range(4)],
        "answer": number % 4,
    }


SHAPES: dict[str, Callable[[random.Random, int], dict[str, Any]]] = {
    "allenai/ai2_arc": _arc,
    "Rowan/hellaswag": _hellaswag,
    "truthfulqa/truthful_qa": _truthful,
    "allenai/winogrande": _winogrande,
    "openai/gsm8k": _gsm8k,
    "cais/mmlu": _mmlu,
}


@pytest.fixture(scope="session")
def open_llm_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with 12 to 19 questions and as many examples for every task of `FOLDERS`."""
    mirror = tmp_path_factory.mktemp("mirror")
    for place, folder in enumerate(FOLDERS.values()):
        make = SHAPES[folder.rpartition("/")[0]]
        for split in ("train", "dev", "validation", "test"):
            source = random.Random(f"{folder} {split}")
            rows = [make(source, number) for number in range(12 + place)]
            (mirror / folder).mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), mirror / folder / f"{split}.parquet")
    return mirror


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HFLM]:
    """A random Llama in lm_eval's own Hugging Face class."""
    folder = tmp_path_factory.mktemp("model") / "random"
    make_random_model(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a model this small is slower on several
    arguments = {"pretrained": str(folder), "dtype": "float32", "device": "cpu", "batch_size": 8}
    yield HFLM.create_from_arg_obj(arguments)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def ask_lm_eval(open_llm_mirror: Path, tiny_model: HFLM) -> Callable[..., Any]:
    """Return a function that lets lm_eval alone load and score tasks: nothing of ours takes part."""

    def ask(tasks: Sequence[str], *, shots: int, limit: int | None = None) -> Any:
        group = {
            "group": "mean",
            "task": [local(task) for task in tasks],
            "aggregate_metric_list": [{"metric": "acc", "weight_by_size": False}],
        }
        return simple_evaluate(
            model=tiny_model,
            # A group of its own would hand its keys on to its tasks, which do not take them.
            tasks=[{"group": "all", "task": [group]}],
            task_manager=task_manager(tasks, own=None),
            num_fewshot=shots,
            limit=limit,
        )

    def local(task: str) -> dict[str, Any]:
        files = (open_llm_mirror / FOLDERS[task]).glob("*.parquet")
        return {
            "task": task,
            "dataset_path": "parquet",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {file.stem: str(file) for file in files}},
        }

    return ask
