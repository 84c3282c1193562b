"""What is measured: one model, a suite and its questions, in a folder of their own."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from evalboard.demo.questions import write_datasets
from evalboard.demo.tokenizer import make_tokenizer
from evalboard.settings import Settings, child_environment
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite

MODEL = "benchmark/llama"
PRECISION = "float32"
MAX_LENGTH = 2048
SEED = 1
QUICK_BENCHMARKS = ("mmlu_anatomy", "mmlu_medical_genetics")
# A server or cluster that is there already would be measured instead of ours.
SERVERS = ("PREFECT_API_URL", "EVALBOARD_PREFECT_API_URL", "RAY_ADDRESS", "EVALBOARD_RAY_ADDRESS")

CARD = """---
license: apache-2.0
---
# A model of random weights

Made by `make bench-pipeline` to measure how long an evaluation takes and how much memory it needs.
Its weights are random numbers, so its answers mean nothing; only the time that it takes to give them
does.
"""


class Material(NamedTuple):
    """What every program is given."""

    folder: Path
    settings: Settings
    """Of our own programs; the stores lie in a fresh folder per program."""
    suite: Suite
    device: str
    """`cuda` or `cpu`."""

    @property
    def model_folder(self) -> Path:
        """Where the model's files lie."""
        return self.folder / "models" / MODEL

    def environment(self, run: str, **more: str) -> dict[str, str]:
        """Return the variables of one program: its caches are empty and its own."""
        cache = self.folder / run / "cache"
        variables = child_environment(
            self.settings_of(run), HF_HOME=str(cache / "huggingface"), XDG_CACHE_HOME=str(cache)
        )
        kept = {name: value for name, value in variables.items() if name not in SERVERS}
        return {**kept, **more}

    def settings_of(self, run: str) -> Settings:
        """Return the settings of one program, whose stores are empty at first."""
        return self.settings.model_copy(update={"home": self.folder / run})


def make_material(folder: Path, settings: Settings, *, quick: bool) -> Material:
    """Make the model and the suite, on the questions of EVALBOARD_DATASETS or of the demo.

    Args:
        folder: An empty folder.
        settings: Of the caller; what they say about stores and servers is left out.
        quick: Take few questions.

    Raises:
        ConfigError: The suite does not exist, or has not the benchmarks of a quick run.
    """
    if settings.datasets:
        datasets = settings.datasets.resolve()
        suite = load_suite(settings.suite)
        suite = _part(suite, QUICK_BENCHMARKS) if quick else suite
    else:
        datasets = folder / "datasets"
        write_datasets(datasets)
        suite = load_suite("demo")
    make_model(folder / "models" / MODEL)
    ours = settings.model_copy(
        update={
            **dict.fromkeys(("requests", "results", "board"), ""),
            **dict.fromkeys(("prefect_api_url", "ray_address", "max_running")),
            "work": Path(),
            "suite": str(_write_suite(suite, folder)),
            "datasets": datasets,
            "models": folder / "models",
            "offline": True,
            "backend": "vllm",
            "engine_slots": 1,
            "max_model_length": MAX_LENGTH,
        }
    )
    return Material(folder, ours, suite, "cuda" if torch.cuda.is_available() else "cpu")


def make_model(folder: Path) -> None:
    """Write a Llama of 12 million random weights, the same on every machine."""
    disable_progress_bar()
    tokenizer = make_tokenizer()
    special: dict[str, Any] = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=MAX_LENGTH,
        **special,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")


def _part(suite: Suite, keys: tuple[str, ...]) -> Suite:
    return suite.model_copy(update={"benchmarks": suite.select(keys)})


def _write_suite(suite: Suite, folder: Path) -> Path:
    path = folder / "suite.yaml"
    document = json.loads(suite.model_dump_json(exclude_none=True))
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path
