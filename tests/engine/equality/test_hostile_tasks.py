"""Whole tasks, scored by ours on vLLM and by lm_eval alone on its Hugging Face class."""

import io
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lm_eval.evaluator import simple_evaluate
from lm_eval.models.huggingface import HFLM

from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.benchmarks.definitions import task_manager
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.scoring import score
from evalboard.records.precision import Precision
from evalboard.suites.model import Benchmark
from tests.engine.equality import hostile_tasks
from tests.engine.equality.conftest import BATCH_SIZE
from tests.engine.equality.hostile_tasks import EMPTY
from tests.engine.equality.lm_requests import SUMMED_STEPS, assert_equal
from tests.engine.equality.small_models import MAX_LENGTH

pytestmark = pytest.mark.filterwarnings("default")

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('There is no system.') }}{% endif %}"
    "[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
"""With a BOS beside that of the tokenizer, and without a system message."""


@pytest.fixture(scope="module")
def folder(
    model_folder: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    hostile_tasks.write_tasks(folder)
    shutil.copytree(model_folder("llama", "byte-level"), folder / "model")
    (folder / "model" / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, load_vllm: Callable[..., Any]) -> Any:
    return load_vllm(folder / "model")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "chat"])
def use_chat_template(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def expected(folder: Path, use_chat_template: bool) -> Any:
    """What lm_eval alone makes of all tasks: nothing of ours takes part."""
    names = [hostile_tasks.task_name(name) for name in hostile_tasks.NAMES]
    arguments: dict[str, Any] = {
        "pretrained": str(folder / "model"),
        "dtype": "float32",
        "device": "cpu",
        "batch_size": BATCH_SIZE,
        "max_length": MAX_LENGTH,
        "logits_cache": False,  # see `load_hf`
    }
    return simple_evaluate(
        model=HFLM(**arguments),
        tasks=[{"group": "hostile", "task": hostile_tasks.local_tasks(folder)}],
        task_manager=task_manager(names, own=folder / "tasks"),
        apply_chat_template=use_chat_template,
        bootstrap_iters=0,
    )


@pytest.fixture(scope="module")
def library(folder: Path) -> TaskLibrary:
    tasks, mirror = folder / "tasks", folder / "mirror"
    return TaskLibrary(hostile_tasks.benchmarks(), definitions=tasks, mirror=mirror, offline=True)


@pytest.mark.parametrize("benchmark", hostile_tasks.benchmarks(), ids=hostile_tasks.NAMES)
def test_a_task_is_scored_as_by_lm_eval_alone(
    benchmark: Benchmark,
    use_chat_template: bool,
    expected: Any,
    model: Any,
    library: TaskLibrary,
    tmp_path: Path,
) -> None:
    with AnswerLog(tmp_path / "answers.jsonl") as log:
        answering = AnsweringModel(model, log, lambda *_: None, precision=Precision.FLOAT32)
        loaded = library.load(benchmark)
        found = score(answering, loaded, key="k", limit=None, use_chat_template=use_chat_template)
    samples = samples_of(benchmark, expected)
    answers = pq.read_table(io.BytesIO(found.answers)).to_pylist()
    assert len(answers) == len(samples) == len(hostile_tasks.ORGANS)
    for answer, sample in zip(answers, samples, strict=True):
        assert_answer(answer, sample)
    assert measured(found.outcome.metrics) == pytest.approx(
        metrics_of(benchmark, expected), rel=1e-4
    )


def samples_of(benchmark: Benchmark, expected: Any) -> list[dict[str, Any]]:
    """Return lm_eval's samples, in the order of the questions."""
    samples = sorted(expected["samples"][benchmark.task_name], key=lambda one: one["doc_id"])
    if benchmark.key == "texts":  # lm_eval's class gives it the probability of EOS after BOS
        samples[EMPTY]["filtered_resps"] = [0.0]
    return samples


def assert_answer(answer: dict[str, Any], sample: dict[str, Any]) -> None:
    """Assert that an answer is that of a sample."""
    responses = sample["filtered_resps"]
    if answer["output"] is not None:
        assert (answer["output"], answer["extracted"]) == (sample["resps"][0][0], responses[0])
        return
    found = zip(answer["loglikelihoods"], answer["is_greedy"], strict=True)
    pairs = [one if isinstance(one, tuple) else (one, None) for one in responses]
    assert_equal(list(found), pairs, sample["arguments"], float32_steps=SUMMED_STEPS)


def measured(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the numbers among metrics, without standard errors."""
    return {name: n for name, n in metrics.items() if "," in name and "stderr" not in name}


def metrics_of(benchmark: Benchmark, expected: Any) -> dict[str, float]:
    """Return lm_eval's metrics. Of texts they are computed again, with the right empty one."""
    metrics = measured(expected["results"][benchmark.task_name])
    if benchmark.key != "texts":
        return metrics
    samples = samples_of(benchmark, expected)
    total = -sum(sample["filtered_resps"][0] for sample in samples)
    words, characters = (
        sum(sample[name][1] for sample in samples) for name in ("word_perplexity", "bits_per_byte")
    )
    return {
        "word_perplexity,none": math.exp(total / words),
        "byte_perplexity,none": math.exp(total / characters),
        "bits_per_byte,none": total / characters / math.log(2),
    }
