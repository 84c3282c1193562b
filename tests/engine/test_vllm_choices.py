"""Requests with the same context become one group."""

from typing import Any

import pytest

from evalboard.engine.vllm_choices import Choice, ContextGroup, TokenisedRequest, group_by_context
from evalboard.errors import HarnessError, OutOfMemory, Shortage


def group(*requests: tuple[list[int], list[int]], **limits: Any) -> list[ContextGroup]:
    limits = {"max_tokens": 100, "max_choices": 128, "may_cut": True} | limits
    return group_by_context([TokenisedRequest(*request) for request in requests], **limits)


def test_choices_of_one_context_are_one_group() -> None:
    (one,) = group(([1, 2], [3]), ([1, 2], [4, 5]), ([1, 2], [3]))
    assert one.context == (1, 2)
    assert one.choices == (Choice(0, (3,)), Choice(1, (4, 5)), Choice(2, (3,)))
    assert one.first_tokens == [3, 4]
    assert one.longer_choices == [Choice(1, (4, 5))]


def test_contexts_with_a_common_beginning_follow_each_other() -> None:
    groups = group(([1, 9], [3]), ([2, 2], [3]), ([1, 2, 7], [3]), ([1, 2], [3]))
    assert [g.context for g in groups] == [(1, 2), (1, 2, 7), (1, 9), (2, 2)]


def test_nothing_is_cut_by_a_length_that_is_not_the_models() -> None:
    assert group(([1, 2, 3], [4]), max_tokens=4, may_cut=False) == group(([1, 2, 3], [4]))
    with pytest.raises(OutOfMemory, match="has 5 tokens, and the engine was loaded for 4") as error:
        group(([1, 2, 3], [4]), ([1, 2, 3], [4, 5]), max_tokens=4, may_cut=False)
    assert error.value.shortage is Shortage.LENGTH


def test_what_is_too_long_loses_its_left_end() -> None:
    groups = group(([1, 2, 3, 4], [5]), ([1, 2, 3, 4], [5, 6]), max_tokens=4)
    assert [(g.context, g.choices) for g in groups] == [
        ((2, 3, 4), (Choice(0, (5,)),)),
        ((3, 4), (Choice(1, (5, 6)),)),
    ]


def test_no_continuation_is_in_no_group() -> None:
    assert group(([1], [])) == []


@pytest.mark.parametrize("request_", [([1], [2, 3, 4]), ([], [2])])
def test_no_room_for_a_context(request_: tuple[list[int], list[int]]) -> None:
    with pytest.raises(HarnessError, match="including at least one token of context"):
        group(request_, max_tokens=3)


def test_many_choices_are_several_groups() -> None:
    groups = group(*(([1], [token]) for token in range(5)), max_choices=2)
    assert [len(g.choices) for g in groups] == [2, 2, 1]
    assert {g.context for g in groups} == {(1,)}
