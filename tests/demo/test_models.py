import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalboard.demo.questions import BENCHMARKS, LETTERS, VERDICTS, Question, make_benchmarks

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
models = pytest.importorskip("evalboard.demo.models")
training = pytest.importorskip("evalboard.demo.training")

pytestmark = pytest.mark.slow  # one of the models is trained
NAMES = [
    "demo/random-llama",
    "demo/random-gpt2",
    "demo/trained-llama",
    "demo/always-a",
    "demo/broken",
]
WORKING = NAMES[:-1]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def always_a(made: tuple[Path, list[str]]) -> tuple[Any, Any]:
    return _load(made[0] / "demo/always-a")


@pytest.fixture(scope="module")
def made(demo_datasets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder, said = tmp_path_factory.mktemp("models"), []
    assert models.make_demo_models(folder, demo_datasets, said.append) == NAMES
    return folder, said


def _load(folder: Path) -> tuple[Any, Any]:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return model.eval(), transformers.AutoTokenizer.from_pretrained(folder)


def _loglikelihoods(model: Any, tokenizer: Any, text: str, choices: list[str]) -> list[float]:
    """Score continuations the plain way: one forward for each."""
    scores = []
    for choice in choices:
        context, continuation = tokenizer.encode(text), tokenizer.encode(choice)
        with torch.no_grad():
            logits = model(torch.tensor([context + continuation])).logits[0]
        rows = logits[len(context) - 1 : -1].log_softmax(-1)
        scores.append(rows[range(len(continuation)), continuation].sum().item())
    return scores


def _accuracy(model: Any, tokenizer: Any, questions: list[Question]) -> float:
    names = LETTERS if questions[0].target.strip() in LETTERS else VERDICTS
    choices = torch.tensor([tokenizer.encode(f" {name}")[0] for name in names])
    batch = training.make_batch(questions, tokenizer)
    with torch.no_grad():
        logits = model(batch.tokens).logits[torch.arange(len(questions)), batch.last]
    answers = choices[logits[:, choices].argmax(dim=1)]
    return (answers == batch.targets).double().mean().item()


def test_made_again_nothing_is_done_twice(made: tuple[Path, list[str]], demo_datasets: Path):
    folder, said = made
    assert [line for line in said if line.startswith("making")] == [f"making {n}" for n in NAMES]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again: list[str] = []
    assert models.make_demo_models(folder, demo_datasets, again.append) == NAMES
    assert again == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_only_the_missing_model_is_made(tmp_path: Path, demo_datasets: Path):
    for name in NAMES:
        if name != "demo/random-gpt2":
            (tmp_path / name).mkdir(parents=True)
    said: list[str] = []
    models.make_demo_models(tmp_path, demo_datasets, said.append)
    assert said == ["making demo/random-gpt2"]
    assert (tmp_path / "demo/random-gpt2/model.safetensors").is_file()


def test_an_interrupted_run_leaves_no_half_model(tmp_path: Path, demo_datasets: Path):
    def interrupt(line: str) -> None:
        if line.startswith("training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.make_demo_models(tmp_path, demo_datasets, interrupt)
    left = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert left == ["random-gpt2", "random-llama"]


@pytest.mark.parametrize("name", WORKING)
def test_a_working_model_is_a_whole_repository(made: tuple[Path, list[str]], name: str):
    folder = made[0] / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert len(card.split("---", 2)[2]) > 200
    assert (folder / "generation_config.json").is_file()
    model, tokenizer = _load(folder)
    assert model.config.max_position_embeddings >= 4096
    assert len(tokenizer) == model.config.vocab_size


def test_the_models_have_two_architectures(made: tuple[Path, list[str]]):
    configs = [json.loads((made[0] / n / "config.json").read_text("utf-8")) for n in WORKING]
    assert {c["architectures"][0] for c in configs} == {"LlamaForCausalLM", "GPT2LMHeadModel"}


def test_every_answer_is_one_token(made: tuple[Path, list[str]]):
    tokenizer = transformers.AutoTokenizer.from_pretrained(made[0] / "demo/always-a")
    assert all(len(tokenizer.encode(f" {name}")) == 1 for name in LETTERS + VERDICTS)


@given(text=st.text(min_size=1, max_size=60))
@settings(max_examples=25)
def test_the_tokenizer_takes_any_text(always_a: tuple[Any, Any], text: str):
    tokenizer = always_a[1]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=st.text(min_size=1, max_size=60))
@settings(max_examples=15)
def test_the_letter_model_prefers_its_answers_after_any_text(always_a: tuple[Any, Any], text: str):
    model, tokenizer = always_a
    for names in (LETTERS, VERDICTS):
        first, *others = _loglikelihoods(model, tokenizer, text, [f" {name}" for name in names])
        assert first > max(others) + 10


def test_the_letter_can_be_chosen(tmp_path: Path):
    models.make_letter_model(tmp_path / "always-c", favoured=(" C",))
    model, tokenizer = _load(tmp_path / "always-c")
    scores = _loglikelihoods(model, tokenizer, "Answer:", [f" {letter}" for letter in LETTERS])
    assert scores.index(max(scores)) == 2


@pytest.mark.parametrize(
    ("benchmark", "answer"), [("demo_anatomy", " A"), ("demo_abstracts", " yes")]
)
def test_the_letter_model_scores_the_share_of_its_answer(
    always_a: tuple[Any, Any], benchmark: str, answer: str
):
    questions = make_benchmarks()[benchmark].test
    share = sum(question.target == answer for question in questions) / len(questions)
    assert _accuracy(*always_a, questions) == share


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_trained_model_beats_guessing(made: tuple[Path, list[str]], benchmark: str):
    questions = make_benchmarks()[benchmark].test
    assert _accuracy(*_load(made[0] / "demo/trained-llama"), questions) >= 0.6


def test_the_broken_model_does_not_load(made: tuple[Path, list[str]]):
    folder = made[0] / "demo/broken"
    assert not list(folder.glob("*.safetensors"))
    assert not list(folder.glob("tokenizer*"))
    assert "license" not in (folder / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="trust_remote_code"):
        transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
