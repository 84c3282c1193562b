"""The fast way gives lm_eval's numbers: against its vLLM class and its Hugging Face class.

`test_matrix.py` does it for every architecture and tokenizer; here are real questions, and whatever
hypothesis makes up.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance

from evalboard.engine.streaming import QUESTIONS_PER_BLOCK, Kind
from evalboard.errors import HarnessError, OutOfMemory, Shortage
from tests.engine.equality.lm_requests import (
    OPENING,
    SUMMED_STEPS,
    answers,
    assert_equal,
    every_length,
    instances,
    task_instances,
    written,
)
from tests.engine.equality.small_models import MAX_LENGTH

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def random_llama(model_folder: Callable[[str, str], Path], load_vllm: Callable[..., Any]) -> Any:
    return load_vllm(model_folder("llama", "byte-level"))


def best_choices(requests: Sequence[Any], found: Sequence[Any]) -> dict[int, int]:
    """Return the most probable choice of every question."""
    best: dict[int, tuple[float, int]] = {}
    for request, (logprob, _) in zip(requests, found, strict=True):
        best[request.doc_id] = max(
            best.get(request.doc_id, (float("-inf"), 0)), (logprob, request.idx)
        )
    return {question: choice for question, (_, choice) in best.items()}


@pytest.mark.parametrize("shots", [0, 5])
@pytest.mark.parametrize("task", ["mmlu_anatomy", "arc_challenge", "truthfulqa_mc2", "winogrande"])
def test_real_questions(
    task: str,
    shots: int,
    real_datasets: Path,
    random_llama: Any,
    load_hf: Callable[[Path], Any],
    model_folder: Callable[[str, str], Path],
) -> None:
    from evalboard.engine.vllm_model import LmEvalVLLM

    requests = task_instances(task, real_datasets, shots=shots, limit=16)
    found = answers(random_llama, requests)
    if not shots:  # lm_eval's vLLM class cuts two tokens more off what is too long
        expected = LmEvalVLLM.loglikelihood(random_llama, requests, disable_tqdm=True)
        assert_equal(found, expected, "lm_eval's vLLM class")
    other = load_hf(model_folder("llama", "byte-level")).loglikelihood(requests, disable_tqdm=True)
    assert_equal(found, other, "transformers", float32_steps=SUMMED_STEPS)
    assert best_choices(requests, found) == best_choices(requests, other)


def test_both_backends_count_the_same_tokens(
    random_llama: Any, load_hf: Callable[[Path], Any], model_folder: Callable[[str, str], Path]
) -> None:
    """A context counts once, with all its choices, also where its answers are known."""

    def count(model: Any, kind: Kind, requests: Sequence[Instance]) -> int:
        counts: list[int] = []
        for _ in model.stream(kind, requests, frozenset({0}), count_tokens=counts.append):
            pass
        return sum(counts)

    pairs = [(context, choice) for context in (OPENING, "Why?") for choice in (" A", " because")]
    other = load_hf(model_folder("llama", "byte-level"))
    contexts = [len(other.tok_encode(text.rstrip())) for text in (OPENING, "Why?")]
    wholes = [len(other.tok_encode(context + choice)) for context, choice in pairs]
    expected = sum(wholes) - sum(contexts)  # each context is in two of them
    for model in (random_llama, other):
        assert count(model, "loglikelihood", instances(pairs)) == expected
    texts = [
        Instance(
            "generate_until", {}, (context, {"max_gen_toks": 1}), 0, metadata=("made-up", n, 1)
        )
        for n, context in enumerate((OPENING, "Why?"))
    ]
    prompts = sum(len(other.tok_encode(text)) for text in (OPENING, "Why?"))
    for model in (random_llama, other):
        assert count(model, "generate_until", texts) == prompts


def test_chat_template(real_datasets: Path, random_llama: Any) -> None:
    from evalboard.engine.vllm_model import LmEvalVLLM

    random_llama.hf_chat_template = (
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    requests = task_instances("mmlu_anatomy", real_datasets, shots=2, limit=8, model=random_llama)
    assert requests[0].args[0].startswith("<s>[system]")
    expected = LmEvalVLLM.loglikelihood(random_llama, requests, disable_tqdm=True)
    assert_equal(answers(random_llama, requests), expected, "chat template")


def test_generation(
    real_datasets: Path,
    random_llama: Any,
    load_hf: Callable[[Path], Any],
    model_folder: Callable[[str, str], Path],
) -> None:
    requests = task_instances("gsm8k", real_datasets, shots=2, limit=6)
    for number, request in enumerate(requests):
        until = ["Question:", "e", "the"][: number % 4]
        context, arguments = cast("tuple[str, dict[str, Any]]", request.arguments)
        request.arguments = (context, {**arguments, "until": until, "max_gen_toks": 20})
    other = load_hf(model_folder("llama", "byte-level"))
    expected = other.generate_until(requests, disable_tqdm=True)
    assert len(set(expected)) > 1
    assert written(other, requests) == expected
    assert written(random_llama, requests) == expected
    assert written(random_llama, requests[::-1]) == expected[::-1]


def test_rolling(
    random_llama: Any, load_hf: Callable[[Path], Any], model_folder: Callable[[str, str], Path]
) -> None:
    texts = [OPENING, OPENING * 170, "心臓"]
    requests = [
        Instance("loglikelihood_rolling", {}, (text,), 0, metadata=("made-up", n, 1))
        for n, text in enumerate(texts)
    ]
    reference = load_hf(model_folder("llama", "byte-level"))
    expected = reference.loglikelihood_rolling(requests, disable_tqdm=True)
    assert len(random_llama.tok_encode(texts[1])) > 2 * random_llama.max_length
    for random_llama.reproducible in (False, True):
        found = answers(random_llama, requests, "loglikelihood_rolling")
        assert found == pytest.approx(expected, abs=1e-2, rel=1e-6)
    (empty,) = [Instance("loglikelihood_rolling", {}, ("",), 0, metadata=("made-up", 0, 1))]
    assert answers(random_llama, [empty], "loglikelihood_rolling") == [0]


def test_no_room_for_a_context(random_llama: Any) -> None:
    (request,) = instances([("The heart", " beats" * 1100)])
    with pytest.raises(HarnessError, match="a continuation of"):
        answers(random_llama, [request])


def test_a_shorter_maximum_length_changes_no_number(
    random_llama: Any, model_folder: Callable[[str, str], Path], load_vllm: Callable[..., Any]
) -> None:
    requests = instances(every_length(40))
    shorter = load_vllm(
        model_folder("llama", "byte-level"), max_model_len=MAX_LENGTH // 2, may_cut=False
    )
    assert answers(shorter, requests) == answers(random_llama, requests)


@pytest.mark.parametrize("kind", ["loglikelihood", "generate_until"])
def test_nothing_is_cut_by_a_length_that_is_not_the_models(
    kind: Any, random_llama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_llama, "may_cut", False)
    options = {"until": ["e"], "max_gen_toks": MAX_LENGTH}
    second = {"loglikelihood": " beats", "generate_until": options}[kind]
    arguments = ("The heart " * MAX_LENGTH, second)
    request = Instance(kind, {}, arguments, 0, metadata=("made-up", 0, 1))
    with pytest.raises(OutOfMemory, match="the engine was loaded for") as error:
        answers(random_llama, [request], kind)
    assert error.value.shortage is Shortage.LENGTH


def test_only_what_is_wanted(random_llama: Any) -> None:
    """A block of which a part is wanted is answered with the same numbers as the whole."""
    requests = instances(every_length(100))
    whole = answers(random_llama, requests)
    found = {
        number: answer
        for part in random_llama.stream("loglikelihood", requests, frozenset({7, 300}))
        for number, answer in part
    }
    assert {7, 300} <= found.keys()
    assert all(whole[number] == answer for number, answer in found.items())


def test_a_kept_cache_answers_little_more_than_is_wanted(
    random_llama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = instances(every_length(100))
    whole = answers(random_llama, requests)
    monkeypatch.setattr(random_llama, "reproducible", False)
    wanted = frozenset({7, 102})
    found = {
        number: answer
        for part in random_llama.stream("loglikelihood", requests, wanted)
        for number, answer in part
    }
    assert found.keys() == {4, 5, 6, 7, 100, 101, 102, 103}  # the choices of two contexts
    assert_equal(list(found.values()), [whole[number] for number in found], "kept cache")


def test_transformers_computes_a_block_of_which_a_part_is_wanted_whole(
    load_hf: Callable[[Path], Any], model_folder: Callable[[str, str], Path]
) -> None:
    model = load_hf(model_folder("llama", "byte-level"))
    requests = instances([("The heart is", " A")] * (QUESTIONS_PER_BLOCK + 3))
    wanted = frozenset({QUESTIONS_PER_BLOCK + 1})
    found = [n for part in model.stream("loglikelihood", requests, wanted) for n, _ in part]
    assert found == [QUESTIONS_PER_BLOCK, QUESTIONS_PER_BLOCK + 1, QUESTIONS_PER_BLOCK + 2]


TEXT = st.text(alphabet=st.sampled_from("ab eA.\n心ß🫀 "), max_size=40)
CHOICES = st.lists(st.text(alphabet="ab A心\n", min_size=1, max_size=12), min_size=1, max_size=5)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    questions=st.lists(st.tuples(TEXT, CHOICES, st.integers(1, 12)), min_size=1, max_size=5),
    prefix=TEXT,
)
def test_made_up_contexts_and_choices(
    questions: list[tuple[str, list[str], int]], prefix: str, random_llama: Any
) -> None:
    from evalboard.engine.vllm_model import LmEvalVLLM

    pairs = [
        (prefix * 3 + context * repeated, choice)
        for context, choices, repeated in questions
        for choice in choices
        if (prefix + context).strip() or not prefix + context  # lm_eval refuses spaces alone
    ]
    assume(pairs)
    requests = instances(pairs)
    expected = LmEvalVLLM.loglikelihood(random_llama, requests, disable_tqdm=True)
    for random_llama.reproducible in (False, True):
        assert_equal(answers(random_llama, requests), expected, repr(pairs))
