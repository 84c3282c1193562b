"""How answers in words are generated: their budget, their sampling, and both in the key."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalboard.demo.models import make_random_model
from evalboard.engine.benchmarks.generation import SEED, answer_budget, sampling_options
from evalboard.engine.process import EngineProcess
from evalboard.engine.spec import EngineSpec
from evalboard.errors import HarnessError
from evalboard.identity import benchmark_key
from evalboard.suites.generation import GenerationPolicy
from evalboard.suites.loader import load_suite
from tests.engine.benchmarks.test_keys import SmallFiles
from tests.engine_specs import engine_spec

POLICY = GenerationPolicy()
USUAL = {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 0, "seed": SEED}
ANATOMY = "mmlu_anatomy_cot"
TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% endfor %}"
    "{% if enable_thinking %}<think>{% endif %}"
)


@pytest.mark.parametrize(
    ("context", "prompt", "budget"),
    [(131_072, 900, 8192), (9092, 900, 8192), (9091, 900, 8191), (1924, 900, 1024)],
)
def test_an_answer_has_8192_tokens_or_what_the_context_leaves(
    context: int, prompt: int, budget: int
) -> None:
    assert answer_budget(POLICY, context=context, longest_prompt=prompt) == budget


@pytest.mark.parametrize("context", [1923, 900, 10])
def test_a_model_with_less_room_than_1024_tokens_is_refused(context: int) -> None:
    with pytest.raises(HarnessError, match=r"context of .*longest question \(900 tokens\).*1,024"):
        answer_budget(POLICY, context=context, longest_prompt=900)


@pytest.mark.parametrize(
    ("own", "sampling"),
    [
        (None, USUAL),
        ({"eos_token_id": 3}, USUAL),
        ({"do_sample": False, "temperature": 0.1}, USUAL),
        (
            {"do_sample": True, "temperature": 0.7, "top_k": 20, "repetition_penalty": 1.1},
            {"do_sample": True, "temperature": 0.7, "top_p": 1.0, "top_k": 20, "seed": SEED},
        ),
        (
            {"do_sample": True, "top_p": 0.8, "min_p": 0.05, "temperature": None},
            {
                "do_sample": True,
                "temperature": 1.0,
                "top_p": 0.8,
                "top_k": 0,
                "min_p": 0.05,
                "seed": SEED,
            },
        ),
    ],
)
def test_a_model_that_thinks_samples_as_its_files_say(
    own: dict[str, Any] | None, sampling: dict[str, Any], tmp_path: Path
) -> None:
    if own is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(own), encoding="utf-8")
    assert sampling_options(tmp_path, thinks=True) == sampling
    assert sampling_options(tmp_path, thinks=False) == {"do_sample": False}


@pytest.mark.parametrize("text", ['{"do_sample": true, "temperature": -1}', "{", "[]"])
def test_sampling_that_cannot_be_is_no_sampling(text: str, tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(HarnessError, match="generation_config.json cannot be used"):
        sampling_options(tmp_path, thinks=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    make_random_model(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def process(model: Path, home: Path, datasets: Path, context: int, **choice: Any) -> EngineProcess:
    spec = specification(model, home, datasets, context, **choice)
    return EngineProcess(spec, "cpu", SmallFiles(model), questions=home)


def specification(
    model: Path, home: Path, datasets: Path, context: int, **choice: Any
) -> EngineSpec:
    """Give the model a maximum length in tokens, and return the specification of its engine."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["max_position_embeddings"] = context
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return engine_spec(
        home,
        settings={"datasets": datasets},
        suite=load_suite("open-medical-cot"),
        benchmarks=(ANATOMY,),
        use_chat_template=True,
        **choice,
    )


def test_a_smaller_budget_is_another_score_and_is_that_of_the_real_prompts(
    model: Path, tmp_path: Path, real_datasets: Path
) -> None:
    asked: dict[int, dict[str, Any]] = {}
    keys: dict[int, str] = {}
    for context in (131_072, 65_536, 4096):
        engine = process(model, tmp_path, real_datasets, context)
        ((plan,), _) = engine.plan()
        loaded = engine._load_task(ANATOMY)
        asked[context], keys[context] = loaded.tasks[0].config["generation_kwargs"], plan.key
        assert loaded.tasks[0].task.config.generation_kwargs == asked[context]
        assert plan.key == benchmark_key(
            engine._identity.model_copy(update={"method": 2, "thinking": "off"}), *loaded.identity
        )
    assert asked[131_072] == {"until": [], "max_gen_toks": 8192, "do_sample": False}
    assert asked[65_536] == asked[131_072]
    assert keys[65_536] == keys[131_072] != keys[4096]
    assert 1024 < asked[4096]["max_gen_toks"] < 4096


def test_a_model_that_follows_another_has_a_budget_of_its_own(
    model: Path, tmp_path: Path, real_datasets: Path
) -> None:
    """It takes the questions that its engine has read for the model before."""
    first = process(model, tmp_path, real_datasets, 131_072)
    first.plan()
    spec = specification(model, tmp_path, real_datasets, 4096)
    following = first.following(spec, SmallFiles(model), tmp_path)
    plan = following.plan()
    assert plan == process(model, tmp_path, real_datasets, 4096).plan()
    tables = [
        engine._load_task(ANATOMY).tasks[0].task.dataset["test"].data.table
        for engine in (first, following)
    ]
    assert tables[0] is tables[1]


def test_a_model_without_room_has_no_plan_and_says_why(
    model: Path, tmp_path: Path, real_datasets: Path
) -> None:
    ((plan,), _) = process(model, tmp_path, real_datasets, 1100).plan()
    assert plan.problem is not None
    assert plan.problem["code"] == HarnessError.code
    assert "context of 1,100 tokens" in plan.problem["message"]


def test_a_model_that_thinks_samples_and_one_that_does_not_is_greedy(
    model: Path, tmp_path: Path, real_datasets: Path
) -> None:
    def sampled(**choice: Any) -> Any:
        engine = process(model, tmp_path, real_datasets, 131_072, **choice)
        return engine._load_task(ANATOMY).tasks[0].config["generation_kwargs"]

    thinking = sampled(enable_thinking=True, think_end_token="</think>")
    assert thinking == {"until": [], "max_gen_toks": 8192, **USUAL}
    assert not sampled()["do_sample"]
