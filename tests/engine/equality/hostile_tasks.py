"""Tasks that ask in every way in which lm_eval's classes, vLLM and plain transformers could differ."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evalboard.suites.model import Benchmark
from tests.engine.equality.lm_requests import OPENING

ORGANS = ("heart", "liver", "kidney", "spleen", "nerve", "muscle")
QUESTIONS = [f"Which of the following leaves the {organ}?" for organ in ORGANS]
CHOICE = {"output_type": "multiple_choice", "doc_to_target": "gold", "doc_to_choice": "choices"}
TEXT = {"output_type": "generate_until", "doc_to_target": "gold"}
EMPTY = 2
"""Number of the row with an empty text."""


def _rows(**columns: list[Any]) -> list[dict[str, Any]]:
    """Return a row for each organ, with the right choice in the column `gold`."""
    gold = [number % 3 for number in range(len(ORGANS))]
    whole = {"question": QUESTIONS, "gold": gold, **columns}
    return [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]


def _metrics(*names: str) -> list[dict[str, Any]]:
    return [{"metric": name} for name in names]


def _generating(until: list[str], tokens: int = 16, **more: Any) -> dict[str, Any]:
    return {"until": until, "max_gen_toks": tokens, **more}


_WORDS = [[f" the {organ}", f"the {organ}", f" the {organ} ", " a"] for organ in ORGANS]
_STRANGE = ["心臓は", "犬🐕", "größ\ter", f"<s>{OPENING}", "</s>", "🫀\t\t"]
_TASKS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "letters": (
        {
            **CHOICE,
            "doc_to_text": "{{question}}\nA. yes\nB. no\nC. maybe\nAnswer:",
            "doc_to_choice": ["A", "B", "C"],
            "description": "The following are multiple choice questions.\n\n",
            "gen_prefix": "It is",
            "fewshot_split": "train",
            "num_fewshot": 2,
            "metric_list": _metrics("acc", "acc_norm"),
        },
        _rows(),
    ),
    "alike": (
        {**CHOICE, "doc_to_text": "question", "metric_list": _metrics("acc", "acc_norm")},
        _rows(choices=[["yes", "yes", "yes ", "no"], *_WORDS[1:]]),
    ),
    "beginnings": (
        {**CHOICE, "doc_to_text": "", "target_delimiter": "", "metric_list": _metrics("acc")},
        _rows(choices=[["The heart", " A", text] for text in _STRANGE]),
    ),
    "spaces": (
        {
            **CHOICE,
            "doc_to_text": "{{question}} \n ",
            "target_delimiter": "",
            "metric_list": _metrics("acc", "acc_bytes"),
        },
        _rows(choices=_WORDS),
    ),
    "mutual": (
        {**CHOICE, "doc_to_text": "question", "metric_list": _metrics("acc_mutual_info", "acc")},
        _rows(choices=_WORDS),
    ),
    "long": (
        {
            **CHOICE,
            "doc_to_text": f"{OPENING * 60}{{{{question}}}}",
            "metric_list": _metrics("acc_mutual_info", "acc"),
        },
        _rows(choices=[[*words, OPENING * 3] for words in _WORDS]),
    ),
    "contexts": (
        {
            **CHOICE,
            "doc_to_text": "gold",
            "doc_to_target": "question",
            "metric_list": _metrics("acc"),
        },
        _rows(choices=[[f"{OPENING}The {organ}", "It", f"The {organ} ="] for organ in ORGANS]),
    ),
    "words": (
        {
            "output_type": "loglikelihood",
            "doc_to_text": "question",
            "doc_to_target": "last",
            "metric_list": _metrics("perplexity", "acc"),
        },
        _rows(last=[words[0] for words in _WORDS]),
    ),
    "many": (
        {
            **CHOICE,
            "doc_to_text": "question",
            "doc_to_choice": [f"{word} {n}" for n in range(70) for word in ("No", "Yes")],
            "metric_list": _metrics("acc", "acc_norm"),
        },
        _rows(),
    ),
    "blocks": (
        {**CHOICE, "doc_to_text": "question", "metric_list": _metrics("acc", "acc_norm")},
        _rows(choices=[[OPENING * 2 + organ, OPENING * 2, OPENING * 4] for organ in ORGANS]),
    ),
    "texts": (
        {
            "output_type": "loglikelihood_rolling",
            "doc_to_text": "",
            "doc_to_target": "text",
            "metric_list": _metrics("word_perplexity", "byte_perplexity", "bits_per_byte"),
        },
        _rows(text=[OPENING, OPENING * 90, "", "心臓は血液", "<s>A heart", " A"]),
    ),
    "stops": (
        {
            **TEXT,
            "doc_to_text": "question",
            "generation_kwargs": _generating(["ati on", "e", "the"], do_sample=False),
            "metric_list": _metrics("exact_match"),
        },
        _rows(),
    ),
    "silent": (
        {
            **TEXT,
            "doc_to_text": "{{question}}\nAnswer: ",
            "generation_kwargs": _generating(["\n\n"]),
            "metric_list": _metrics("exact_match"),
        },
        _rows(),
    ),
    "beams": (
        {
            **TEXT,
            "doc_to_text": f"{OPENING * 60}{{{{question}}}}",
            "generation_kwargs": _generating(["</s>"], 64, num_beams=1, do_sample=False),
            "process_results": "!function",
            "metric_list": [{"metric": "length", "aggregation": "mean", "higher_is_better": True}],
        },
        _rows(),
    ),
    "votes": (
        {
            **TEXT,
            "doc_to_text": "question",
            "generation_kwargs": _generating(["\n"], do_sample=False),
            "repeats": 3,
            "filter_list": [
                {
                    "name": "vote",
                    "filter": [{"function": "majority_vote"}, {"function": "take_first"}],
                }
            ],
            "metric_list": _metrics("exact_match"),
        },
        _rows(),
    ),
}
NAMES = tuple(_TASKS)
FUNCTIONS = "def results(doc, answers):\n    return {'length': len(answers[0])}\n"


def task_name(name: str) -> str:
    """Return lm_eval's name of a task."""
    return f"hostile_{name}"


def write_tasks(folder: Path) -> None:
    """Write the definitions into `tasks`, and the questions into `mirror`."""
    definitions = folder / "tasks"
    definitions.mkdir(parents=True)
    (definitions / "hostile.py").write_text(FUNCTIONS, encoding="utf-8")
    for name, (definition, rows) in _TASKS.items():
        source = {"dataset_path": "hostile", "dataset_name": name, "test_split": "test"}
        whole = {"task": task_name(name), **source, "metadata": {"version": 1}, **definition}
        text = yaml.safe_dump(whole).replace("'!function'", "!function hostile.results")
        (definitions / f"{name}.yaml").write_text(text, encoding="utf-8")
        questions = folder / "mirror" / "hostile" / name
        questions.mkdir(parents=True)
        for split in ("train", "test"):
            pq.write_table(pa.Table.from_pylist(rows), questions / f"{split}.parquet")


def benchmarks() -> list[Benchmark]:
    """Return each task as a benchmark."""
    return [
        Benchmark(
            key=name,
            title=name,
            task=task_name(name),
            metric=_metric(definition),
            num_fewshot=definition.get("num_fewshot", 0),
        )
        for name, (definition, _) in _TASKS.items()
    ]


def local_tasks(folder: Path) -> list[dict[str, Any]]:
    """Return each task for lm_eval alone, which reads the questions itself."""
    return [
        {
            "task": task_name(name),
            "dataset_path": "parquet",
            "dataset_name": None,
            "dataset_kwargs": {
                "data_files": {
                    split: str(folder / "mirror" / "hostile" / name / f"{split}.parquet")
                    for split in ("train", "test")
                }
            },
        }
        for name in NAMES
    ]


def _metric(definition: dict[str, Any]) -> str:
    (chain,) = definition.get("filter_list", [{"name": "none"}])
    return f"{definition['metric_list'][0]['metric']},{chain['name']}"
