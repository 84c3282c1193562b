"""Models that follow each other in one process answer as each would in its own. Real vLLM on the CPU."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from safetensors.numpy import load_file, save_file

from evalboard.demo.questions import write_datasets
from evalboard.engine.placing.placement import EngineHandle
from evalboard.errors import LoadFailed
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder
from tests.engine_specs import engine_spec

pytestmark = pytest.mark.filterwarnings("default")  # what vLLM's imports warn of
LIMIT = 12
MODELS = ("random-0", "letter", "random-1", "random-2", "random-3")


class Run(NamedTuple):
    """What an engine did."""

    answers: dict[str, tuple[Any, bytes]]
    """Metrics and answers by benchmark."""
    process: int
    log: str


Evaluate = Callable[..., Run]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five models of one shape, and one without a tensor."""
    from evalboard.demo.models import make_letter_model, make_random_model

    root = tmp_path_factory.mktemp("models")
    make_letter_model(root / "test" / "letter")
    for seed in range(4):
        make_random_model(root / "test" / f"random-{seed}", seed=seed)
    make_random_model(root / "test" / "broken", seed=9)
    file = root / "test" / "broken" / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.layers.1.self_attn.k_proj.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    return root


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets")
    write_datasets(folder)
    return folder


@pytest.fixture
def evaluate(models: Path, datasets: Path, tmp_path: Path) -> Evaluate:
    def evaluate(model: str, *, idle: int, home: str = "home") -> Run:
        values: dict[str, Any] = {
            "models": models,
            "datasets": datasets,
            "engine_idle_seconds": idle,
        }
        place, name = tmp_path / home, f"test/{model}"
        settings = Settings.model_validate({"home": place, "offline": True} | values)
        spec = engine_spec(
            place,
            settings=values,
            model=name,
            revision=find_repository(name, "main", settings).revision,
            backend="vllm",
            limit=LIMIT,
            architectures=("LlamaForCausalLM",),
            is_only_run=True,
        )
        spec = spec.model_copy(update={"log_file": place / f"{model}.log"})
        engine, work = EngineHandle(spec), WorkFolder(settings.work_folder)
        try:
            plans, _ = engine.plan()
            engine.load()
            process = _process_of(spec.log_file)
            outcomes = [engine.evaluate(plan.benchmark, "progress") for plan in plans]
        finally:
            engine.close()
        answers = {one.benchmark: (one.metrics, work.answers(one)) for one in outcomes}
        return Run(answers, process, spec.log_file.read_text(encoding="utf-8"))

    return evaluate


def _process_of(log: Path) -> int:
    """Return the process that leads the session of those which write to a log."""
    for process in psutil.process_iter():
        try:
            if any(file.path == str(log) for file in process.open_files()):
                return os.getsid(process.pid)
        except psutil.Error:
            continue
    raise AssertionError("no process writes to the log")


def test_five_models_in_one_process_answer_as_five_in_their_own(evaluate: Evaluate) -> None:
    together = [evaluate(model, idle=300) for model in MODELS]
    assert len({run.process for run in together}) == 1
    reloads = ["reloaded in place" in run.log for run in together]
    assert reloads == [False, True, True, True, True]
    assert len({str(run.answers) for run in together}) == len(MODELS)
    for model, run in zip(MODELS[1:], together[1:], strict=True):
        alone = evaluate(model, idle=0, home="other")
        assert alone.process != run.process
        assert "reloaded in place" not in alone.log
        assert alone.answers == run.answers


def test_after_a_model_that_does_not_load_the_next_has_a_process_of_its_own(
    evaluate: Evaluate,
) -> None:
    first = evaluate("random-0", idle=300)
    with pytest.raises(LoadFailed, match="k_proj"):
        evaluate("broken", idle=300)
    after = evaluate("random-1", idle=300)
    assert after.process != first.process
    assert "reloaded in place" not in after.log


def test_weights_that_are_not_whole_do_not_replace_others(models: Path) -> None:
    """vLLM keeps the values of the model before, and only logs it."""
    from evalboard.engine.environment import environment
    from evalboard.engine.loading.loader import LoadArguments, load_model

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(device="cpu", cpu_kv_cache_gib=1, offline=True).items():
            patch.setenv(name, value)
        model: Any = load_model(
            LoadArguments(
                backend="vllm",
                weights=models / "test" / "random-0",
                precision="float32",
                device="cpu",
                max_length=512,
                may_cut=False,
            )
        )
        with pytest.raises(LoadFailed, match=r"layers\.1\.self_attn\.qkv_proj"):
            model.replace_weights(models / "test" / "broken")
