"""The prompts of a generation that is measured, as a benchmark of ours and as `vllm bench throughput` reads them."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evalboard.errors import HarnessError

PROMPTS = 384
"""More than vLLM computes at a time on a CPU (256)."""
TOKENS = 64
"""That each answer has."""
NAME = "bench_texts"
"""Of the benchmark and its task."""
PROMPT_CHARACTERS = (200, 1000)
"""Length of the texts that become prompts: at least 4 and at most 1,024 tokens, as vLLM's bench wants."""
REPOSITORY = "bench/texts"
TASK = {
    "task": NAME,
    "dataset_path": REPOSITORY,
    "output_type": "generate_until",
    "test_split": "test",
    "doc_to_text": "{{prompt}}",
    "doc_to_target": "",
    "generation_kwargs": {
        "until": [],
        "max_gen_toks": TOKENS,
        "do_sample": True,
        "temperature": 1.0,
        "ignore_eos": True,
    },
    "metric_list": [{"metric": "exact_match"}],
    "metadata": {"version": 1.0},
}

SUITE = {
    "name": NAME.replace("_", "-"),
    "title": "Texts",
    "tasks": "tasks",
    "benchmarks": [{"key": NAME, "title": "Texts", "metric": "exact_match,none", "baseline": 0.0}],
}


def number_of_prompts(limit: int | None) -> int:
    """Return how many prompts a case has."""
    return limit or PROMPTS


def write_prompts(folder: Path, texts: Iterable[str], number: int) -> None:
    """Write prompts for both programs, and our suite.

    Args:
        folder: Where to.
        texts: Texts of the questions.
        number: Number of prompts.

    Raises:
        HarnessError: There are too few texts.
    """
    prompts = choose_prompts(texts, number)
    mirror, tasks = folder / "mirror" / REPOSITORY / "default", folder / "tasks"
    for place in (mirror, tasks):
        place.mkdir(parents=True)
    pq.write_table(pa.table({"prompt": prompts}), mirror / "test.parquet")
    (tasks / f"{NAME}.yaml").write_text(yaml.safe_dump(TASK), encoding="utf-8")
    (folder / "suite.yaml").write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    chats = [{"conversations": [{"value": prompt}, {"value": ""}]} for prompt in prompts]
    (folder / "prompts.json").write_text(json.dumps(chats), encoding="utf-8")


def choose_prompts(texts: Iterable[str], number: int) -> list[str]:
    """Return different texts of the length of a question.

    Raises:
        HarnessError: There are too few.
    """
    least, most = PROMPT_CHARACTERS
    fitting = dict.fromkeys(text for text in texts if least <= len(text) <= most)
    chosen = list(islice(fitting, number))
    if len(chosen) < number:
        raise HarnessError(
            f"Only {len(chosen)} of the questions' texts have {least} to {most} characters, and "
            f"{number} are needed. Use --limit."
        )
    return chosen
