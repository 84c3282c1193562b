from typing import Any

import pytest

from evalboard.engine.lengths import STARTING_LENGTH, UNLIMITED_LENGTH
from evalboard.engine.placing.ladder import Headroom, next_limits
from evalboard.engine.spec import EngineLimits
from evalboard.errors import Shortage

GPU = EngineLimits(resource="gpus", tensor_parallel=1, gpu_memory_fraction=0.9)
FOUR_GPUS = Headroom(longest_request=1000, max_gpus=4, reserves_memory=True, takes_share=True)
CPU = Headroom(longest_request=1000, max_gpus=0, reserves_memory=True, takes_share=False)


def steps(limits: EngineLimits, shortage: Shortage, room: Headroom) -> list[dict[str, Any]]:
    """Return what changes at each step until there is none left."""
    changes: list[dict[str, Any]] = []
    while after := next_limits(limits, shortage, room):
        before = limits.model_dump()
        changes.append({k: v for k, v in after.model_dump().items() if v != before[k]})
        limits = after
    return changes


def test_a_step_without_memory_gets_fewer_tokens_then_a_smaller_share_then_gpus() -> None:
    assert steps(GPU, Shortage.STEP, FOUR_GPUS) == [
        {"max_num_batched_tokens": 4096},
        {"max_num_batched_tokens": 2048},
        {"max_num_seqs": 64},
        {"gpu_memory_fraction": 0.8},
        {"gpu_memory_fraction": 0.7},
        {"gpu_memory_fraction": 0.6},
        {"tensor_parallel": 2},
        {"tensor_parallel": 4},
    ]


def test_a_small_cache_gets_a_shorter_length_then_gpus_then_a_larger_share() -> None:
    assert steps(GPU, Shortage.CACHE, FOUR_GPUS) == [
        {"max_length": 2048},
        {"tensor_parallel": 2},
        {"tensor_parallel": 4},
        {"gpu_memory_fraction": 0.95},
        {"max_num_batched_tokens": 4096},
        {"max_num_batched_tokens": 2048},
    ]


def test_a_small_cache_of_states_gets_fewer_requests() -> None:
    assert steps(GPU, Shortage.SEQUENCES, FOUR_GPUS._replace(max_gpus=1)) == [
        {"max_num_seqs": 64},
        {"gpu_memory_fraction": 0.95},
    ]


def test_a_gpu_that_others_use_gets_a_smaller_share() -> None:
    shares = [{"gpu_memory_fraction": share} for share in (0.8, 0.7, 0.6)]
    assert steps(GPU, Shortage.SHARE, FOUR_GPUS) == shares


def test_a_request_that_would_be_cut_gets_a_longer_length_once() -> None:
    long = FOUR_GPUS._replace(longest_request=9000)
    assert steps(GPU, Shortage.LENGTH, long) == [{"max_length": 9216}]
    assert steps(GPU, Shortage.LENGTH, FOUR_GPUS) == []
    unknown = FOUR_GPUS._replace(longest_request=None)
    assert steps(GPU, Shortage.LENGTH, unknown) == [{"max_length": UNLIMITED_LENGTH}]


@pytest.mark.parametrize("longest", [1, 2048, 2049, 4097])
def test_no_request_is_cut(longest: int) -> None:
    (first, *_) = steps(GPU, Shortage.CACHE, FOUR_GPUS._replace(longest_request=longest))
    assert longest <= first["max_length"] < STARTING_LENGTH


def test_length_stays_where_the_longest_request_is_unknown_or_fits_no_shorter_one() -> None:
    for longest in (None, STARTING_LENGTH):
        room = FOUR_GPUS._replace(longest_request=longest)
        assert not any("max_length" in change for change in steps(GPU, Shortage.CACHE, room))


def test_on_a_processor_neither_share_nor_gpus_change() -> None:
    assert steps(EngineLimits(), Shortage.CACHE, CPU)[0] == {"max_length": 2048}
    for shortage in Shortage:
        changed = {name for change in steps(EngineLimits(), shortage, CPU) for name in change}
        assert changed <= {"max_length", "max_num_seqs", "max_num_batched_tokens"}


def test_where_every_request_takes_its_memory_there_are_fewer_at_a_time() -> None:
    hf = Headroom(longest_request=None, max_gpus=0, reserves_memory=False, takes_share=False)
    batches = [{"max_num_seqs": size} for size in (8, 1)]
    assert steps(EngineLimits(max_num_seqs=16), Shortage.STEP, hf) == batches


def test_a_share_that_was_chosen_for_others_is_not_raised() -> None:
    half = GPU.model_copy(update={"gpu_memory_fraction": 0.5})
    assert "gpu_memory_fraction" not in {
        name for change in steps(half, Shortage.CACHE, FOUR_GPUS) for name in change
    }


def test_steps_of_all_kinds_end() -> None:
    limits, kinds, taken = GPU, list(Shortage), 0
    long = FOUR_GPUS._replace(longest_request=9000)
    while changed := [one for kind in kinds if (one := next_limits(limits, kind, long))]:
        limits, taken = changed[taken % len(changed)], taken + 1
    assert taken < 20


def test_never_more_gpus_than_there_are() -> None:
    two = GPU.model_copy(update={"tensor_parallel": 2})
    room = FOUR_GPUS._replace(max_gpus=3)
    changes = steps(two, Shortage.STEP, room)
    assert not any("tensor_parallel" in change for change in changes)
