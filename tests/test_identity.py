import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from evalboard.identity import (
    BenchmarkIdentity,
    ModelIdentity,
    base_identity,
    benchmark_key,
    digest,
    request_identity,
    result_folder,
    row_identity,
    run_key,
    submission_identity,
)
from evalboard.records.choice import PinnedChoice
from evalboard.records.precision import Precision
from evalboard.records.request import BoardBlock, RequestRecord, Status

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
NOT_IN_THE_FIRST_KEYS = {"choice", "chat_date", "method", "texts_are_opened", "thinking"}
SAID_OTHERWISE = {"use_chat_template", "enable_thinking", "think_end_token"}
"""Fields of a choice that have other words in a key."""
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
    if isinstance(value, bool):
        other = not value
    if field in ("chat_template_sha", "chat_date", "thinking"):
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
    choice = CHOICE.model_dump(exclude={"base_revision", *SAID_OTHERWISE})
    fields = choice | MODEL.model_dump(exclude=NOT_IN_THE_FIRST_KEYS)
    assert run_key(MODEL, "suite") == digest({"model": fields, "suite": "suite"})


@pytest.mark.parametrize("field", sorted(PinnedChoice.model_fields.keys() - SAID_OTHERWISE))
def test_every_field_of_the_choice_counts(field: str) -> None:
    other = MODEL.model_copy(update={"choice": changed(CHOICE, field)})
    assert benchmark_key(other, BENCHMARK) != benchmark_key(MODEL, BENCHMARK)
    assert run_key(other, "suite") != run_key(MODEL, "suite")


@pytest.mark.parametrize("field", sorted(ModelIdentity.model_fields.keys() - {"choice"}))
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


ADAPTER = CHOICE.model_copy(
    update={
        "weight_type": "Adapter",
        "base_model": "org/base",
        "base_revision": "9" * 40,
        "enable_thinking": True,
        "think_end_token": "</think>",
    }
)


@pytest.mark.parametrize("field", sorted(PinnedChoice.model_fields.keys() - {"base_revision"}))
def test_every_part_of_an_adapters_choice_tells_submissions_apart(field: str) -> None:
    other = changed(ADAPTER, field)
    assert submission_identity(other, "demo") != submission_identity(ADAPTER, "demo")
    assert submission_identity(ADAPTER, "other") != submission_identity(ADAPTER, "demo")


def test_whole_weights_are_the_same_whatever_they_were_made_from() -> None:
    made = CHOICE.model_copy(update={"base_model": "org/base"})
    assert submission_identity(made, "demo") == submission_identity(CHOICE, "demo")
    assert base_identity(made) == base_identity(CHOICE) == ""


def test_the_end_of_a_thinking_counts_only_for_a_model_that_thinks() -> None:
    named = CHOICE.model_copy(update={"think_end_token": "</think>"})
    assert submission_identity(named, "demo") == submission_identity(CHOICE, "demo")


def test_two_ends_of_a_thinking_are_two_submissions_and_one_row() -> None:
    other = ADAPTER.model_copy(update={"think_end_token": "[/THINK]"})
    assert submission_identity(other, "demo") != submission_identity(ADAPTER, "demo")
    assert row_identity(other) == row_identity(ADAPTER)
    quiet = ADAPTER.model_copy(update={"enable_thinking": False})
    assert row_identity(quiet) != row_identity(ADAPTER)


def test_names_are_the_same_in_any_case() -> None:
    shouted = ADAPTER.model_copy(update={"model": "ORG/Model", "base_model": "Org/BASE"})
    assert submission_identity(shouted, "demo") == submission_identity(ADAPTER, "demo")


def test_two_commits_of_a_base_are_one_submission_and_one_row_and_two_bases() -> None:
    moved = ADAPTER.model_copy(update={"base_revision": "8" * 40})
    assert submission_identity(moved, "demo") == submission_identity(ADAPTER, "demo")
    assert row_identity(moved) == row_identity(ADAPTER)
    assert base_identity(moved) != base_identity(ADAPTER)
    assert result_folder(moved, "demo") != result_folder(ADAPTER, "demo")


def test_a_request_without_a_suite_means_the_boards() -> None:
    named = RequestRecord(model="org/model", evalboard=BoardBlock(suite="demo"))
    bare = RequestRecord(model="org/model")
    assert request_identity(bare, "demo") == request_identity(named, "demo")
    assert request_identity(bare, "other") != request_identity(named, "other")


def test_who_submits_and_when_does_not_tell_submissions_apart() -> None:
    record = RequestRecord(model="org/model")
    again = {"sender": "another", "submitted_time": "later", "status": Status.FAILED, "params": 1.0}
    assert request_identity(record.model_copy(update=again)) == request_identity(record)


@pytest.mark.parametrize(
    ("fields", "folder"),
    [
        ({}, "float16_Original/demo"),
        (
            {"precision": "8bit", "weight_type": "Adapter", "use_chat_template": True},
            "8bit_Adapter_chat/demo",
        ),
        (
            {"use_chat_template": True, "enable_thinking": True, "think_end_token": "</think>"},
            "float16_Original_chat_think/demo",
        ),
        (
            {"weight_type": "Adapter", "base_model": "org/base", "base_revision": "9" * 40},
            "float16_Adapter_99999999/demo",
        ),
    ],
)
def test_documents_lie_by_model_commit_format_and_suite(
    fields: dict[str, Any], folder: str
) -> None:
    choice = CHOICE.model_copy(update=fields)
    assert result_folder(choice, "demo") == f"org/model/{'0' * 40}/{folder}"


def test_a_checkpoint_that_is_quantised_already_keeps_the_keys_and_folders_of_its_first_name() -> (
    None
):
    quantised = CHOICE.model_copy(update={"precision": "prequantised"})
    fields = CHOICE.model_dump(exclude={"base_revision", *SAID_OTHERWISE})
    content = fields | {"precision": "GPTQ"} | MODEL.model_dump(exclude=NOT_IN_THE_FIRST_KEYS)
    model = MODEL.model_copy(update={"choice": quantised})
    assert run_key(model, "suite") == digest({"model": content, "suite": "suite"})
    assert result_folder(quantised, "demo") == f"org/model/{'0' * 40}/GPTQ_Original/demo"


def test_the_first_name_of_a_precision_is_the_same_submission() -> None:
    path = "org/model_eval_request_False_GPTQ_Original_00000000.json"
    content = b'{"model": "org/model", "precision": "GPTQ", "status": "FINISHED"}'
    old = RequestRecord.from_json(content, path=path)
    new = RequestRecord(model="org/model", precision=Precision.PREQUANTISED)
    assert request_identity(old) == request_identity(new)
