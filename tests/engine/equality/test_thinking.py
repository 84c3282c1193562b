"""A thought with stop texts in it is no answer, and does not end one: on vLLM and on transformers."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lm_eval.api.instance import Instance

from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.scoring import BenchmarkScore, score
from evalboard.engine.streaming import GeneratedText
from evalboard.engine.vllm_options import execution_options
from evalboard.errors import HarnessError
from evalboard.records.precision import Precision
from evalboard.suites.model import Benchmark
from tests.engine.equality.lm_requests import answers
from tests.thinkers import ANSWER, ENDS, STOP, THOUGHT, after_thought, write_thinker

pytestmark = pytest.mark.filterwarnings("default")

THINK_END = "</think>"
WAYS = {"on": "<|on|>", "off": "<|off|>"}
CONTEXTS = ("The heart", "The heart beats about seventy times a minute.", "8 - 1 =")
GSM8K = Benchmark(key="gsm8k", title="GSM8K", metric="exact_match,strict-match", num_fewshot=0)
TARGETS = (7, 8, 7)


def generations(way: str, **options: Any) -> list[Instance]:
    arguments = {"until": [STOP], "max_gen_toks": 20} | options
    return [
        Instance("generate_until", {}, (text + WAYS[way], arguments), 0, metadata=("made-up", n, 1))
        for n, text in enumerate(CONTEXTS)
    ]


@pytest.fixture(scope="module", params=ENDS.values(), ids=list(ENDS))
def end(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.fixture(scope="module", params=["vllm", "hf"])
def model(
    request: pytest.FixtureRequest,
    end: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
    load_vllm: Callable[..., Any],
    load_hf: Callable[..., Any],
) -> Any:
    folder = write_thinker(tmp_path_factory.mktemp("thinker") / "model", end)
    return {"vllm": load_vllm, "hf": load_hf}[request.param](folder)


def asked(model: Any, way: str, think_end: str | None, **options: Any) -> GeneratedText:
    """Return the one text that a model writes whatever it is asked."""
    requests = generations(way, **options)
    (text,) = set(answers(model, requests, "generate_until", think_end=think_end))
    return text


def test_stop_texts_count_after_the_thinking(model: Any, end: tuple[str, ...]) -> None:
    written = [*THOUGHT, *after_thought(end)[:-1]]
    raw = "".join(written)
    assert asked(model, "on", THINK_END) == GeneratedText(ANSWER, raw, "stop", len(written))


def test_without_a_stop_text_the_model_ends_its_answer(model: Any, end: tuple[str, ...]) -> None:
    written = [*THOUGHT, *after_thought(end)]
    answer = f"{ANSWER}{STOP}Question: and so on"
    text = asked(model, "on", THINK_END, until=[])
    assert text == GeneratedText(answer, "".join(written), "eos", len(written) + 1)


@pytest.mark.parametrize("model", ["hf"], indirect=True)
def test_beams_change_places(model: Any) -> None:
    assert asked(model, "on", THINK_END, num_beams=3).answer == ANSWER


@pytest.mark.parametrize("tokens", [1, len(THOUGHT)])
def test_a_thinking_without_its_end_is_no_answer(model: Any, tokens: int) -> None:
    text = asked(model, "on", THINK_END, max_gen_toks=tokens)
    assert text == GeneratedText("", "".join(THOUGHT[:tokens]), "length", tokens)


def test_a_model_that_does_not_think_is_stopped_everywhere(model: Any) -> None:
    thought, _, _ = THOUGHT[0].partition(STOP)
    assert asked(model, "on", None) == GeneratedText(thought, THOUGHT[0], "stop", 1)
    assert asked(model, "off", None) == GeneratedText(ANSWER, ANSWER + STOP, "stop", 2)


def test_an_answer_that_is_no_thinkers_is_none(model: Any) -> None:
    text = asked(model, "off", THINK_END)
    assert text == GeneratedText("", f"{ANSWER}{STOP} or not", "eos", 4)


@pytest.mark.parametrize("model", ["vllm"], indirect=True)
def test_parts_of_prompts_and_a_seed_are_refused_on_a_cpu(model: Any) -> None:
    with pytest.raises(HarnessError, match="EVALBOARD_BACKEND"):
        asked(model, "on", THINK_END, do_sample=True, temperature=1.0, seed=1)


@pytest.mark.slow
def test_samples_of_many_long_prompts_depend_on_their_seed_alone(
    tmp_path: Path, load_vllm: Callable[..., Any]
) -> None:
    """They are more tokens than vLLM computes at once. Each question has draws of its own."""
    sampler = load_vllm(
        write_thinker(tmp_path / "model"),
        max_num_batched_tokens=1100,
        max_num_seqs=16,
        **execution_options(device="cpu", generates=True, architectures=()),
    )
    sampled = {"do_sample": True, "temperature": 1.0, "seed": 1, "until": [], "max_gen_toks": 8}
    requests = [
        Instance("generate_until", {}, (text, sampled), 0, metadata=("made-up", number, 1))
        for number, text in enumerate(["The heart. " * 60] * 16)
    ]
    together = answers(sampler, requests, "generate_until")
    assert answers(sampler, requests[-1:], "generate_until") == together[-1:]
    assert len({text.raw for text in together}) > 1


def evaluate(
    model: Any, folder: Path, think_end: str | None
) -> tuple[AnsweringModel, BenchmarkScore]:
    mirror = folder / "mirror" / "openai" / "gsm8k" / "main"
    mirror.mkdir(parents=True, exist_ok=True)
    rows = [{"question": "14 / 2 = ?" * n, "answer": f"#### {t}"} for n, t in enumerate(TARGETS)]
    pq.write_table(pa.Table.from_pylist(rows), mirror / "test.parquet")
    loaded = TaskLibrary([GSM8K], mirror=folder / "mirror", offline=True).load(GSM8K)
    with AnswerLog(folder / "answers.jsonl") as log:
        answering = AnsweringModel(
            model, log, lambda *_: None, precision=Precision.FLOAT32, think_end=think_end
        )
        return answering, score(answering, loaded, key="k", limit=None, use_chat_template=True)


def test_an_unfinished_thinking_is_counted(model: Any, tmp_path: Path) -> None:
    answering, scored = evaluate(model, tmp_path, "[/THINK]")
    assert scored.outcome.metrics[GSM8K.metric] == 0
    assert answering.unfinished == {("gsm8k", number) for number in range(len(TARGETS))}
    rows = pq.read_table(io.BytesIO(scored.answers)).to_pylist()
    assert {(row["output"], row["ended"]) for row in rows} == {("", "eos")}


def test_a_score_reads_the_answer_and_keeps_the_thought(
    model: Any, end: tuple[str, ...], tmp_path: Path
) -> None:
    answering, scored = evaluate(model, tmp_path, THINK_END)
    assert scored.outcome.metrics[GSM8K.metric] == pytest.approx(2 / 3)
    assert answering.unfinished == set()
    written = [*THOUGHT, *after_thought(end)[:-1]]
    for row in pq.read_table(io.BytesIO(scored.answers)).to_pylist():
        assert (row["output"], row["extracted"]) == (f"{ANSWER}{STOP}", "7")
        assert (row["raw"], row["ended"], row["tokens"]) == ("".join(written), "stop", len(written))
    log = (tmp_path / "answers.jsonl").read_bytes()
    assert len(log.splitlines()) == len(TARGETS)
    _, again = evaluate(model, tmp_path, THINK_END)
    assert again.answers == scored.answers
    assert (tmp_path / "answers.jsonl").read_bytes() == log
