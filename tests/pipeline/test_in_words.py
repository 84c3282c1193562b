"""A chat model that thinks, through the engine: its share of one letter, and the five states."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from evalboard.bench.cutting import cut
from evalboard.cli import main
from tests.engine.benchmarks.test_open_medical_cot import DATA_SETS, prompt_of
from tests.model_folders import CARD
from tests.thinkers import write_chains

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

X = "B"
ROWS = 12
CHAINS: dict[str, tuple[str, ...]] = {
    "read": ("<|read|>", "<think>A fits less.", " So do C and D.", "</think>", f"\n\nAnswer: {X}"),
    "refused": ("<|refused|>", "<think>Hm.</think>\nI cannot provide medical advice."),
    "unreadable": ("<|two|>", "<think>Two.</think>\nAnswer: A or", " B"),
    "unfinished": ("<|cut|>", f"<think>Perhaps {X}.", f" Answer: {X}!"),
    "empty": ("<|empty|>", "<think>Nothing to say.</think>", "\n"),
}
TEMPLATE = (
    "{{ messages[0].content }}{% if enable_thinking %}"
    "{{ STARTS[messages[0].content | length % 5] }}{% endif %}"
)


def state_of(prompt: str) -> str:
    return list(CHAINS)[len(prompt) % len(CHAINS)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    starts = [chain[0] for chain in CHAINS.values()]
    folder = write_chains(
        tmp_path / "thinker",
        list(CHAINS.values()),
        template=TEMPLATE.replace("STARTS", json.dumps(starts)),
        context=16_384,
        sharpness=10,
    )
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


def test_its_share_of_x_and_the_states_of_its_answers_on_all_nine_sets(
    model: Path,
    tmp_path: Path,
    real_datasets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = [real_datasets / data_set.file for data_set in DATA_SETS.values()]
    cut(files, real_datasets, tmp_path / "questions", rows=ROWS)
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path / "questions"))
    monkeypatch.setenv("EVALBOARD_BACKEND", "hf")
    monkeypatch.setenv("EVALBOARD_OFFLINE", "true")
    words = ["--chat-template", "--enable-thinking", "--think-end-token=</think>"]
    words += ["--suite", "open-medical-cot", "--precision", "float32", "--json"]
    status = main(["evaluate", str(model), *words])
    written = capfd.readouterr()
    assert status == 0, written.err
    document: dict[str, Any] = json.loads(written.out)

    assert set(document["evalboard"]["readers"]) == set(DATA_SETS)
    seen: Counter[str] = Counter()
    for key, data_set in DATA_SETS.items():
        rows = pq.read_table(tmp_path / "questions" / data_set.file).to_pylist()
        states = [state_of(prompt_of(data_set, row)) for row in rows]
        right = [
            state == "read" and data_set.right(row) == "ABCD".index(X)
            for state, row in zip(states, rows, strict=True)
        ]
        found = document["results"][key]
        assert found["acc,none"] == found["strict_acc,none"] == pytest.approx(sum(right) / ROWS)
        for state in CHAINS:
            assert found[f"{state},none"] == pytest.approx(states.count(state) / ROWS)
        asked = document["configs"][key]["generation_kwargs"]
        assert (asked["max_gen_toks"], asked["temperature"]) == (8192, 0.6)
        seen.update(states)
    assert min(seen[state] for state in CHAINS) > 0
