"""Which of a model's scores have another key when our way to compute them changes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalboard.backends import BACKENDS, VLLM
from evalboard.demo.models import make_random_model
from evalboard.engine.keeping import AnswerKeeper, LoadableFiles
from evalboard.engine.process import EngineProcess
from evalboard.errors import DataMissing, HarnessError
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


def engine_of(folder: Path, home: Path, mirror: Path, **choice: Any) -> EngineProcess:
    spec = engine_spec(
        home,
        settings={"datasets": mirror},
        backend="vllm",
        suite=load_suite("open-llm-v1"),
        benchmarks=("arc_challenge", "gsm8k"),
        num_fewshot=0,
        **choice,
    )
    return EngineProcess(spec, "cpu", SmallFiles(folder), questions=home)


def keys(folder: Path, home: Path, mirror: Path, **choice: Any) -> dict[str, str]:
    plans, _ = engine_of(folder, home, mirror, **choice).plan()
    return {plan.benchmark: plan.key for plan in plans}


def test_a_benchmark_asks_the_questions_of_its_key(
    folder: Path, tmp_path: Path, open_llm_mirror: Path
) -> None:
    """The mirror loses them between the plan and the evaluation."""
    mirror = tmp_path / "mirror"
    shutil.copytree(open_llm_mirror, mirror)
    engine = engine_of(folder, tmp_path, mirror)
    engine.plan()
    planned = engine._load_task("arc_challenge")
    shutil.rmtree(mirror)
    assert engine._load_task("arc_challenge", last=True) is planned
    with pytest.raises(DataMissing):
        engine._load_task("arc_challenge")


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


def test_the_other_suites_of_a_load_are_in_no_key(
    folder: Path, tmp_path: Path, open_llm_mirror: Path
) -> None:
    alone = keys(folder, tmp_path, open_llm_mirror)
    words = load_suite("open-medical-cot")
    assert keys(folder, tmp_path, open_llm_mirror, further_suites=(words,)) == alone


def templated(folder: Path, template: str) -> Path:
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


def test_thinking_is_in_the_keys_of_texts_alone(
    folder: Path, tmp_path: Path, open_llm_mirror: Path
) -> None:
    templated(folder, "{{ messages }}{{ enable_thinking }}")
    ways = [
        {"enable_thinking": False},
        {"enable_thinking": True, "think_end_token": "</think>"},
        {"enable_thinking": True, "think_end_token": "[/THINK]"},
    ]
    found = [keys(folder, tmp_path, open_llm_mirror, use_chat_template=True, **way) for way in ways]
    assert len({each["gsm8k"] for each in found}) == 3
    assert len({each["arc_challenge"] for each in found}) == 1


def test_a_thinking_whose_end_is_not_known_has_no_key(
    folder: Path, tmp_path: Path, open_llm_mirror: Path
) -> None:
    with pytest.raises(HarnessError, match="end token of its thinking is not known"):
        keys(folder, tmp_path, open_llm_mirror, use_chat_template=True, enable_thinking=True)


def test_a_switch_counts_only_where_the_template_has_one(
    folder: Path, tmp_path: Path, open_llm_mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for template, counts in (
        ("{{ messages }} thinking {{ messages[0].thinking }}", False),
        ("{{ messages }}{% if thinking %}<think>{% endif %}", True),
    ):
        templated(folder, template)
        told = keys(folder, tmp_path, open_llm_mirror, use_chat_template=True)
        with monkeypatch.context() as patch:
            patch.setattr("evalboard.engine.process.has_switch", lambda _: False)
            untold = keys(folder, tmp_path, open_llm_mirror, use_chat_template=True)
        assert (told != untold) is counts
