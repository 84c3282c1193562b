"""What a model's files say beside its weights: both backends give what plain transformers gives."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Phi3Config, Phi3ForCausalLM

from evalboard.engine.loading.loader import LoadArguments, load_model
from tests.engine.equality.conftest import forget_garbage
from tests.engine.equality.lm_requests import answers, instances, written

pytestmark = pytest.mark.filterwarnings("default")

PAIRS = [
    ("The following are multiple choice questions. Answer:", " A"),
    ("The following are multiple choice questions. Answer:", " the nerve of it"),
    (("A heart beats " * 12).strip(), " yes no maybe"),
]
CONTEXT = "The nerve that supplies"
NEW_TOKENS = 24
TORN = "\ufffd"
"""An incomplete character at the end of a text, which vLLM leaves out."""
SINGLE, SHARD = "model.safetensors", "model-00001-of-00001.safetensors"

Change = Callable[[Path], None]


def edit_json(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(document), encoding="utf-8")


def tied_by_the_config_only(folder: Path) -> None:
    edit_json(folder / "config.json", tie_word_embeddings=True)


def with_penalties(folder: Path) -> None:
    edit_json(
        folder / "generation_config.json",
        repetition_penalty=1.9,
        no_repeat_ngram_size=1,
        num_beams=2,
        max_new_tokens=3,
        do_sample=True,
        temperature=0.6,
    )


def with_other_formats(folder: Path) -> None:
    """Put other weights beside the index, and configs and tokenizers of other formats."""
    weights = load_file(folder / SINGLE)
    (folder / SINGLE).rename(folder / SHARD)
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, SHARD)}
    (folder / f"{SINGLE}.index.json").write_text(json.dumps(index), encoding="utf-8")
    others = {name: torch.ones_like(tensor) for name, tensor in weights.items()}
    save_file(others, folder / "consolidated.safetensors", metadata={"format": "pt"})
    for name in ("params.json", "tekken.json", "tokenizer.model", "qwen.tiktoken"):
        (folder / name).write_text("{}", encoding="utf-8")


@pytest.fixture
def changed(
    model_folder: Callable[[str, str], Path], tmp_path: Path
) -> Callable[[Change], tuple[Path, Path]]:
    """Return a function that gives a model, and a copy with other files."""

    def make(change: Change) -> tuple[Path, Path]:
        before = model_folder("llama", "byte-level")
        after = shutil.copytree(before, tmp_path / "model")
        change(after)
        return before, after

    return make


def load(backend: str, folder: Path, precision: str = "float32", **more: Any) -> Any:
    arguments: dict[str, Any] = {"backend": backend, "weights": folder}
    arguments |= {"precision": precision, "device": "cpu"}
    limits: dict[str, Any] = {"max_num_seqs": 4, "max_length": 256} if backend == "vllm" else {}
    forget_garbage()
    return load_model(LoadArguments(**(arguments | limits | more)))


def numbers(model: Any) -> list[float]:
    return [value for value, _ in answers(model, instances(PAIRS))]


def text(model: Any) -> str:
    asked = (CONTEXT, {"until": ["\n\n"], "max_gen_toks": NEW_TOKENS, "do_sample": False})
    request = Instance("generate_until", {}, asked, 0, metadata=("made-up", 0, 1))
    (answer,) = written(model, [request])
    return answer.rstrip(TORN)


def plain_numbers(folder: Path, dtype: str = "float32") -> list[float]:
    """Return the log-likelihoods by plain transformers: one request at a time, sums in float32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    encode = AutoTokenizer.from_pretrained(folder).encode
    found: list[float] = []
    for context, choice in PAIRS:
        before, whole = encode(context), encode(context + choice)
        with torch.no_grad():
            logits = model(torch.tensor([whole[:-1]])).logits[0].float()
        rows = torch.log_softmax(logits, dim=-1)[len(before) - 1 :]
        found.append(rows.gather(1, torch.tensor(whole[len(before) :])[:, None]).sum().item())
    return found


def plain_text(folder: Path) -> str:
    """Return the likeliest tokens by plain transformers, without its `generate`."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer.encode(CONTEXT)
    start = len(tokens)
    while len(tokens) < start + NEW_TOKENS:
        with torch.no_grad():
            likeliest = int(model(torch.tensor([tokens])).logits[0, -1].argmax())
        if likeliest == tokenizer.eos_token_id:
            break
        tokens.append(likeliest)
    return tokenizer.decode(tokens[start:], skip_special_tokens=True).rstrip(TORN)


@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_a_stored_head_is_kept_whatever_the_config_says(backend: str, changed: Any) -> None:
    before, after = changed(tied_by_the_config_only)
    expected = plain_numbers(after)
    assert expected == plain_numbers(before)
    assert numbers(load(backend, after)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_a_model_asks_for_no_penalty_and_no_sampling(backend: str, changed: Any) -> None:
    before, after = changed(with_penalties)
    expected = plain_text(before)
    assert len(expected) > NEW_TOKENS
    assert text(load(backend, after)) == expected


@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_files_of_other_formats_change_nothing(backend: str, changed: Any) -> None:
    before, after = changed(with_other_formats)
    expected = plain_numbers(before)
    assert numbers(load(backend, after)) == pytest.approx(expected, abs=1e-3)


def test_log_probabilities_of_bfloat16_are_added_up_in_float32(
    model_folder: Callable[[str, str], Path],
) -> None:
    folder = model_folder("llama", "byte-level")
    found = numbers(load("hf", folder, "bfloat16", max_num_seqs=1))
    assert found == pytest.approx(plain_numbers(folder, "bfloat16"), abs=1e-3)


def test_longrope_gives_each_request_the_factors_of_its_own_length(
    model_folder: Callable[[str, str], Path], tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder("llama", "byte-level"))
    factors = {"short_factor": [1.0] * 16, "long_factor": [1.0 + n for n in range(16)]}
    scaling: dict[str, Any] = {"rope_scaling": {"type": "longrope", **factors}}
    config = Phi3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        original_max_position_embeddings=32,
        **scaling,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(7)
    Phi3ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert numbers(load("hf", tmp_path)) == pytest.approx(plain_numbers(tmp_path), abs=1e-3)
