"""What is submitted: eight models that can be evaluated, and four that cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file

from evalboard.demo.models import make_broken_model, make_letter_model, make_random_model
from evalboard.demo.questions import Benchmark, make_benchmarks
from evalboard.records.request import Status

LETTERS = {
    "rehearsal/always-a": (" A", " yes"),
    "rehearsal/always-b": (" B", " no"),
    "rehearsal/always-c": (" C", " maybe"),
    "rehearsal/always-d": (" D", " yes"),
}
"""Models that always give the same answers, and these answers."""
GUESSING = ("rehearsal/llama-1", "rehearsal/llama-2", "rehearsal/gpt2-1", "rehearsal/gpt2-2")
COMPARED = ("rehearsal/llama-1", "rehearsal/gpt2-1")
"""Those of them whose scores are compared with those of an evaluation that nothing disturbs."""
BROKEN = {
    "rehearsal/own-code": Status.REJECTED,
    "rehearsal/cut-weights": Status.REJECTED,
    "rehearsal/no-such-model": Status.REJECTED,
    "rehearsal/not-a-number": Status.FAILED,
}
"""Models that cannot be evaluated, and how their requests end."""
GOOD = (*LETTERS, *GUESSING)
SEEDS = 20
"""Number of the demo's sets of questions that one benchmark is made of."""

Scores = Mapping[str, Mapping[str, float]]
"""By model and benchmark, in [0, 1]."""


class Models(NamedTuple):
    """What is submitted."""

    good: tuple[str, ...]
    broken: Mapping[str, Status]
    """With the ends of their requests."""

    @property
    def names(self) -> list[str]:
        return [*self.good, *self.broken]


ALL = Models(GOOD, BROKEN)


def choose(number: int | None) -> Models:
    """Return all models, or some that can be evaluated.

    Args:
        number: How many, None for all and the broken ones.
    """
    return ALL if number is None else Models(GOOD[:number], {})


def write_questions(folder: Path) -> None:
    """Write a datasets mirror with so many questions that a program can be struck at work."""
    for key, benchmark in _questions().items():
        target = folder / "evalboard" / key / "default"
        target.mkdir(parents=True, exist_ok=True)
        for split, questions in benchmark._asdict().items():
            rows = [question._asdict() for question in questions]
            pq.write_table(pa.Table.from_pylist(rows), target / f"{split}.parquet")


def write_models(folder: Path) -> None:
    """Write all models but the one that does not exist."""
    for name, favoured in LETTERS.items():
        make_letter_model(folder / name, favoured=favoured)
    for name in GUESSING:
        architecture, _, seed = name.partition("/")[2].partition("-")
        kind = "gpt2" if architecture == "gpt2" else "llama"
        make_random_model(folder / name, architecture=kind, seed=int(seed))
    make_broken_model(folder / "rehearsal/own-code")
    make_random_model(folder / "rehearsal/cut-weights", seed=3)
    weights = folder / "rehearsal/cut-weights/model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    make_random_model(folder / "rehearsal/not-a-number", seed=4)
    weights = folder / "rehearsal/not-a-number/model.safetensors"
    tensors = load_file(weights)
    tensors["lm_head.weight"].fill_(float("nan"))
    save_file(tensors, weights, {"format": "pt"})


def expected_scores(models: Models, home: Path) -> dict[str, dict[str, float]]:
    """Return what the board must show, of as many models as is known.

    The scores of models that always answer alike are counted here. Some others are evaluated one
    by one, where nothing disturbs them.

    Args:
        models: All models of the rehearsal.
        home: Folder for what these evaluations leave behind.
    """
    expected = {
        name: _share_of(letters) for name, letters in LETTERS.items() if name in models.good
    }
    return expected | {name: _evaluate(name, home) for name in COMPARED if name in models.good}


def _questions() -> dict[str, Benchmark]:
    sets = [make_benchmarks(seed) for seed in range(SEEDS)]
    return {
        key: Benchmark(
            [question for one in sets for question in one[key].train],
            [question for one in sets for question in one[key].test],
        )
        for key in sets[0]
    }


def _share_of(favoured: tuple[str, ...]) -> dict[str, float]:
    """Return the share of questions whose answer is among some, by benchmark."""
    shares: dict[str, float] = {}
    for key, benchmark in _questions().items():
        targets = [question.target for question in benchmark.test]
        shares[key] = sum(target in favoured for target in targets) / len(targets)
    return shares


def _evaluate(model: str, home: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "evalboard", "evaluate", model, "--json"]
    found = subprocess.run(
        [*command, "--precision", "float32"],
        check=True,
        stdout=subprocess.PIPE,
        env=_apart(home),
    )
    document: dict[str, Any] = json.loads(found.stdout)
    return {key: scores["acc,none"] for key, scores in document["results"].items()}


def _apart(home: Path) -> dict[str, str]:
    taken = {"EVALBOARD_HOME", "EVALBOARD_WORK", "RAY_ADDRESS", "PREFECT_API_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in taken}
    return kept | {"EVALBOARD_HOME": str(home)}
