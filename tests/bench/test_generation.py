"""A generation beside vLLM's own bench: the prompts, the commands, and one pair of real processes."""

import json
from pathlib import Path

import pytest

from evalboard.bench import generation, prompts
from evalboard.bench.cases import Case
from evalboard.bench.generation import measure_generation, throughput_command
from evalboard.bench.material import Material, make_material
from evalboard.bench.prompts import NAME, TOKENS, choose_prompts, write_prompts
from evalboard.errors import HarnessError
from evalboard.suites.loader import load_suite

TEXTS = [f"Question {number}: {'what is it? ' * 20}" for number in range(12)]


@pytest.fixture
def texts(case: Case) -> Case:
    return case._replace(name="demo generation", num_fewshot=0, limit=8)


def test_prompts_are_different_texts_of_the_length_of_a_question() -> None:
    assert choose_prompts(["short", *TEXTS, *TEXTS, "long" * 1000], 12) == TEXTS
    with pytest.raises(HarnessError, match="Only 12 .* 13 are needed"):
        choose_prompts([*TEXTS, *TEXTS], 13)


def test_both_programs_get_the_same_prompts(material: Material, texts: Case) -> None:
    folder = material.run_folder(texts)
    write_prompts(folder, TEXTS, 8)
    chats = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    assert [chat["conversations"][0]["value"] for chat in chats] == TEXTS[:8]
    suite = load_suite(str(folder / "suite.yaml"))
    assert [benchmark.key for benchmark in suite.benchmarks] == [NAME]
    words = throughput_command(material, texts, folder / "throughput-0")
    for option, value in (
        ("--dataset-path", str(folder / "prompts.json")),
        ("--num-prompts", "8"),
        ("--output-len", str(TOKENS)),
        ("--dtype", "float32"),
    ):
        assert words[words.index(option) + 1] == value
    assert "--enforce-eager" in words


@pytest.mark.slow
def test_a_pair_of_both_programs(
    material: Material, texts: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = texts._replace(limit=1)
    monkeypatch.setattr(prompts, "PROMPT_CHARACTERS", (20, 1000))
    monkeypatch.setattr(generation, "PAIRS", 1)
    make_material(material, [made])
    measured = measure_generation(material, made, parameters=1)
    assert (measured.prompts, measured.tokens) == (1, TOKENS)
    assert measured.share > 0
    stored = Path(material.folder / "runs" / made.folder / "evalboard-0" / "out")
    assert list(stored.rglob("*.parquet"))
