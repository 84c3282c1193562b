from typing import Any

import pytest

from evalboard.engine.lengths import (
    STARTING_LENGTH,
    UNLIMITED_LENGTH,
    RequestLimit,
    context_length,
    request_limit,
    rounded_length,
    scales_with_length,
    starting_length,
)

MODELS_OWN = RequestLimit(None, may_cut=True)


def limit(
    config: dict,
    *,
    tokens: int | None = STARTING_LENGTH,
    allowed: int | None = None,
) -> RequestLimit:
    return request_limit(config, tokens=tokens, allowed=allowed)


def test_a_long_model_is_loaded_for_less_and_cuts_nothing() -> None:
    assert limit({"max_position_embeddings": 131_072}) == (STARTING_LENGTH, False)
    assert limit({"text_config": {"max_position_embeddings": 131_072}}) == (STARTING_LENGTH, False)
    assert limit({"max_position_embeddings": 131_072}, tokens=3_072) == (3_072, False)
    assert limit({"max_position_embeddings": 131_072}, tokens=UNLIMITED_LENGTH) == MODELS_OWN


@pytest.mark.parametrize(
    "config", [{}, {"max_position_embeddings": STARTING_LENGTH}, {"n_positions": 1_024}]
)
def test_a_model_without_a_longer_length_keeps_its_own(config: dict) -> None:
    assert limit(config) == MODELS_OWN


def test_the_operators_limit_is_never_exceeded_and_may_cut() -> None:
    long = {"max_position_embeddings": 131_072}
    assert limit(long, allowed=4_096) == RequestLimit(4_096, may_cut=True)
    assert limit(long, allowed=32_768) == (STARTING_LENGTH, False)
    assert limit(long, tokens=None, allowed=32_768) == RequestLimit(32_768, may_cut=True)


@pytest.mark.parametrize(
    "config",
    [
        {"rope_scaling": {"type": "longrope", "short_factor": [1.0]}},
        {"rope_scaling": {"type": "su"}},
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        {"rope_parameters": {"full_attention": {"rope_type": "longrope"}}},
        {"text_config": {"rope_parameters": {"rope_type": "dynamic"}}},
    ],
)
def test_positions_that_depend_on_the_length_keep_it(config: dict) -> None:
    assert scales_with_length(config)
    assert limit({"max_position_embeddings": 131_072} | config) == MODELS_OWN


@pytest.mark.parametrize("kind", ["default", "linear", "llama3", "yarn"])
def test_other_positions_do_not(kind: str) -> None:
    rope = {"rope_type": kind, "factor": 8.0, "original_max_position_embeddings": 8_192}
    assert not scales_with_length({"rope_scaling": rope})
    assert not scales_with_length({"rope_scaling": None})


def test_attention_that_vllm_tempers_for_long_contexts_is_tempered() -> None:
    scout = {"text_config": {"model_type": "llama4_text", "max_position_embeddings": 10_485_760}}
    assert limit(scout) == (STARTING_LENGTH, False)
    assert limit(scout, tokens=9_216) == (33_792, False)


def test_measured_lengths_are_rounded_up() -> None:
    measured = (1, 2_048, 2_049, 3_072, 3_073)
    assert [rounded_length(tokens) for tokens in measured] == [2_048, 2_048, 3_072, 3_072, 4_096]


@pytest.mark.parametrize(
    ("config", "allowed", "context"),
    [
        ({"max_position_embeddings": 4096}, None, 4096),
        ({"max_position_embeddings": 4096}, 2048, 2048),
        ({"max_position_embeddings": 4096}, 8192, 4096),
        ({}, None, None),
        ({}, 2048, 2048),
        (
            {
                "max_position_embeddings": 131_072,
                "original_max_position_embeddings": 4096,
                "rope_scaling": {"type": "longrope"},
            },
            None,
            4096,
        ),
    ],
)
def test_the_context_is_what_every_backend_lets_a_model_read(
    config: dict[str, Any], allowed: int | None, context: int | None
) -> None:
    assert context_length(config, allowed=allowed) == context


def test_engines_for_answers_in_words_begin_longer() -> None:
    assert starting_length(8192) == STARTING_LENGTH + 8192
    assert starting_length(0) is None
