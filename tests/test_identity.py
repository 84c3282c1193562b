import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from evalboard.identity import BenchmarkIdentity, ModelIdentity, benchmark_key, digest, run_key
from evalboard.records.choice import PinnedChoice

CHOICE = PinnedChoice(
    model="org/model",
    revision="0" * 40,
    precision="float16",
    weight_type="Original",
    base_model="",
)
MODEL = ModelIdentity(
    choice=CHOICE,
    chat_template_sha=None,
    backend="vllm",
    backend_version="0.32.0",
    lm_eval_version="0.4.13",
    max_length=None,
)
BENCHMARK = BenchmarkIdentity(
    task="mmlu_anatomy",
    version="1.0",
    config_hash="c" * 64,
    num_fewshot=0,
    dataset_fingerprint="d" * 64,
    limit=None,
)


def changed(identity: BaseModel, field: str) -> Any:
    """Return the identity with another value of one field."""
    value = getattr(identity, field)
    other = value + 1 if isinstance(value, int) else f"{value}x" if value is not None else 16
    if field == "chat_template_sha":
        other = "e" * 64
    return identity.model_copy(update={field: other})


def test_the_keys_are_those_of_earlier_versions() -> None:
    """Another value here means that every stored score is run again."""
    assert benchmark_key(MODEL, BENCHMARK) == (
        "02ffe2dd90c67fb5930d0b9722e0ff394dbd7a05d198d0aab2d62a8b1da1a56f"
    )
    assert run_key(MODEL, "open-medical") == (
        "cceb9ef592ba88fb3e5ad50d78a5879f38a1a4e461bc863043ba901dda47454f"
    )


def test_whole_weights_have_the_keys_that_they_had_before_there_were_bases() -> None:
    choice = CHOICE.model_dump(exclude={"base_revision", "use_chat_template"})
    fields = choice | MODEL.model_dump(exclude={"choice"})
    assert run_key(MODEL, "suite") == digest({"model": fields, "suite": "suite"})


@pytest.mark.parametrize("field", PinnedChoice.model_fields.keys() - {"use_chat_template"})
def test_every_field_of_the_choice_counts(field: str) -> None:
    other = MODEL.model_copy(update={"choice": changed(CHOICE, field)})
    assert benchmark_key(other, BENCHMARK) != benchmark_key(MODEL, BENCHMARK)
    assert run_key(other, "suite") != run_key(MODEL, "suite")


@pytest.mark.parametrize("field", ModelIdentity.model_fields.keys() - {"choice"})
def test_everything_else_about_the_model_counts(field: str) -> None:
    other = changed(MODEL, field)
    assert benchmark_key(other, BENCHMARK) != benchmark_key(MODEL, BENCHMARK)
    assert run_key(other, "suite") != run_key(MODEL, "suite")


def test_a_group_is_known_by_all_its_subjects_in_their_order() -> None:
    other = changed(BENCHMARK, "task")
    group = benchmark_key(MODEL, BENCHMARK, other)
    keys = {group, benchmark_key(MODEL, other, BENCHMARK), benchmark_key(MODEL, BENCHMARK)}
    keys |= {
        benchmark_key(MODEL, BENCHMARK, changed(other, f)) for f in BenchmarkIdentity.model_fields
    }
    assert len(keys) == 3 + len(BenchmarkIdentity.model_fields)
    assert group == benchmark_key(MODEL, BENCHMARK, other)


@pytest.mark.parametrize("field", BenchmarkIdentity.model_fields)
def test_every_field_of_the_benchmark_counts(field: str) -> None:
    assert benchmark_key(MODEL, changed(BENCHMARK, field)) != benchmark_key(MODEL, BENCHMARK)


def test_the_suite_counts() -> None:
    assert run_key(MODEL, "one") != run_key(MODEL, "two")


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_a_digest_is_the_same_in_another_process() -> None:
    value = {"ü": [1, 2.5, None, True], "a": {"b": "\n"}}
    done = subprocess.run(
        [sys.executable, "-c", f"from evalboard.identity import digest; print(digest({value!r}))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest(value)
