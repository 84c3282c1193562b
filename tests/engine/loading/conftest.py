"""A tiny base model, adapters and deltas on it, and what transformers and peft say of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from evalboard.demo.models import make_random_model
from evalboard.engine.loading.combining import combine
from evalboard.engine.loading.loader import LoadArguments, load_model
from evalboard.engine.loading.weights import ModelFiles
from evalboard.engine.spec import EngineSpec
from evalboard.records.precision import Precision
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite

QUESTIONS = [
    ("Which bone is the longest?", " the femur of the leg"),
    ("A pulse of 40 is", " slow"),
    ("A pulse of 40 is", " fast and strong"),
]


def load_base(folder: Path, **arguments: Any) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **arguments)


def reference(model: torch.nn.Module, tokenizer: Path) -> list[float]:
    """Return the log-likelihoods of the questions' answers, from logits."""
    encode = AutoTokenizer.from_pretrained(tokenizer).encode
    found = []
    for context, answer in QUESTIONS:
        before, whole = encode(context), encode(context + answer)
        with torch.no_grad():
            logits = model(torch.tensor([whole])).logits[0].float()
        steps = torch.log_softmax(logits, dim=-1)[len(before) - 1 : -1]
        tokens = torch.tensor(whole[len(before) :])
        found.append(steps.gather(1, tokens[:, None]).sum().item())
    return found


def answers(model: LM) -> list[float]:
    """Return the same, through lm_eval."""
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=question, idx=0)
        for question in QUESTIONS
    ]
    return [value for value, _ in model.loglikelihood(requests)]


def evaluate_on_hf(files: ModelFiles, precision: str = "float32") -> list[float]:
    loadable = files.loadable
    arguments = LoadArguments(
        backend="hf",
        weights=loadable.weights,
        adapter=loadable.adapter,
        precision=precision,
        device="cpu",
    )
    return answers(load_model(arguments))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "base"
    make_random_model(folder)
    return folder


@pytest.fixture
def models(tmp_path: Path, tiny_base: Path) -> Path:
    """A mirror with `org/base`."""
    shutil.copytree(tiny_base, tmp_path / "models" / "org" / "base")
    return tmp_path / "models"


@pytest.fixture
def base(models: Path) -> Path:
    return models / "org" / "base"


@pytest.fixture
def make_adapter(models: Path, base: Path) -> Callable[..., PeftModel]:
    """Make `org/lora` as peft saves it, and return base and adapter as peft computes them."""

    def make(
        *, change: Callable[[PreTrainedModel], None] | None = None, **config: Any
    ) -> PeftModel:
        model = load_base(base)
        if change:
            change(model)
        settings = {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "down_proj"], **config}
        torch.manual_seed(1)
        changed = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
        for name, parameter in changed.named_parameters():
            if "lora_B" in name or "lora_embedding" in name or "modules_to_save" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        changed.save_pretrained(str(models / "org" / "lora"))
        return changed.eval()

    return make


@pytest.fixture
def make_delta(models: Path, base: Path) -> Callable[[], PreTrainedModel]:
    """Make `org/delta`, the difference of another model to the base, and return that other."""

    def make() -> PreTrainedModel:
        target, start = load_base(base), load_base(base)
        torch.manual_seed(2)
        for parameter in target.parameters():
            parameter.data += torch.randn_like(parameter) * 0.1
        difference = load_base(base)
        for name, tensor in difference.state_dict().items():
            tensor.copy_(target.state_dict()[name] - start.state_dict()[name])
        difference.save_pretrained(models / "org" / "delta")
        return target.eval()

    return make


@pytest.fixture
def open_files(models: Path, tmp_path: Path) -> Callable[..., ModelFiles]:
    """Return what finds the files of a model in the mirror."""
    settings = Settings.model_validate(
        {"home": tmp_path / "home", "models": models, "offline": True}
    )

    def open_(name: str, weight_type: str, precision: str = "float32") -> ModelFiles:
        is_whole = weight_type == "Original"
        spec = EngineSpec(
            name="engine",
            model=name,
            revision=find_repository(name, "main", settings).revision,
            precision=Precision(precision),
            weight_type=weight_type,
            base_model="" if is_whole else "org/base",
            base_revision=""
            if is_whole
            else find_repository("org/base", "main", settings).revision,
            use_chat_template=False,
            suite=load_suite("demo"),
            benchmarks=(),
            num_fewshot=None,
            limit=None,
            backend="hf",
            settings=settings,
            log_file=tmp_path / "log",
        )
        return ModelFiles(spec, combine)

    return open_


def edit_json(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(document), encoding="utf-8")
