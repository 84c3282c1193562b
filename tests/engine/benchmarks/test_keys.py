"""Which of a model's scores have another key when our way to compute them changes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalboard.backends import BACKENDS, VLLM
from evalboard.demo.models import make_random_model
from evalboard.engine.keeping import AnswerKeeper, LoadableFiles
from evalboard.engine.process import EngineProcess
from evalboard.suites.loader import load_suite
from tests.engine_specs import engine_spec


class SmallFiles:
    """Gives the small files of a model, which are enough for a plan."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def small_files(self) -> Path:
        return self._folder

    def loadable_files(self) -> LoadableFiles:
        raise NotImplementedError

    def open_answers(self, benchmark: str, key: str) -> AnswerKeeper:
        raise NotImplementedError

    def note_progress(self, benchmark: str, done: int, total: int) -> None:
        raise NotImplementedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_random_model(tmp_path / "model")
    return tmp_path / "model"


def keys(folder: Path, home: Path, mirror: Path) -> dict[str, str]:
    spec = engine_spec(
        home,
        settings={"datasets": mirror},
        backend="vllm",
        suite=load_suite("open-llm-v1"),
        benchmarks=("arc_challenge", "gsm8k"),
        num_fewshot=0,
    )
    plans, _ = EngineProcess(spec, "cpu", SmallFiles(folder), questions=home).plan()
    return {plan.benchmark: plan.key for plan in plans}


def test_another_way_to_compute_texts_leaves_the_keys_of_choices(
    folder: Path, tmp_path: Path, open_llm_mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = keys(folder, tmp_path, open_llm_mirror)
    monkeypatch.setitem(BACKENDS, "vllm", replace(VLLM, text_method=1))
    before = keys(folder, tmp_path, open_llm_mirror)
    assert before["arc_challenge"] == now["arc_challenge"]
    assert before["gsm8k"] != now["gsm8k"]


def test_a_tokenizer_that_ends_texts_changes_all_keys(
    folder: Path, tmp_path: Path, open_llm_mirror: Path
) -> None:
    plain = keys(folder, tmp_path, open_llm_mirror)
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}},
        ],
        "pair": [],
        "special_tokens": {},
    }
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
    ended = keys(folder, tmp_path, open_llm_mirror)
    assert set(ended) == set(plain)
    assert set(ended.values()).isdisjoint(plain.values())
