from evalboard.engine.placing.ladder import next_limits
from evalboard.engine.spec import EngineLimits

GPU = EngineLimits(resource="gpus", tensor_parallel=1, gpu_memory_fraction=0.9)


def steps(
    limits: EngineLimits, *, longest_request: int | None, max_gpus: int, takes_share: bool = True
) -> list[dict]:
    """Return what changes at each step until there is none left."""
    changes: list[dict] = []
    while after := next_limits(
        limits, longest_request=longest_request, max_gpus=max_gpus, takes_share=takes_share
    ):
        before = limits.model_dump()
        changes.append({k: v for k, v in after.model_dump().items() if v != before[k]})
        limits = after
    return changes


def test_cheap_steps_come_first_and_more_gpus_last() -> None:
    assert steps(GPU, longest_request=1000, max_gpus=4) == [
        {"max_num_seqs": 64},
        {"max_num_seqs": 8},
        {"max_num_seqs": 1},
        {"max_length": 1024},
        {"gpu_memory_fraction": 0.8},
        {"gpu_memory_fraction": 0.7},
        {"gpu_memory_fraction": 0.6},
        {"tensor_parallel": 2},
        {"tensor_parallel": 4},
    ]


def test_no_request_is_cut() -> None:
    for longest in (1, 63, 64, 65, 4097):
        lengths = [
            change["max_length"]
            for change in steps(GPU, longest_request=longest, max_gpus=1)
            if "max_length" in change
        ]
        assert len(lengths) == 1
        assert longest <= lengths[0] < longest + 64


def test_length_stays_where_the_longest_request_is_unknown_or_fits_no_shorter_one() -> None:
    assert not any("max_length" in c for c in steps(GPU, longest_request=None, max_gpus=1))
    short = GPU.model_copy(update={"max_length": 1024})
    assert not any("max_length" in c for c in steps(short, longest_request=1024, max_gpus=1))


def test_on_a_processor_neither_share_nor_gpus_change() -> None:
    on_cpu = EngineLimits(max_num_seqs=16)
    assert steps(on_cpu, longest_request=100, max_gpus=0, takes_share=False) == [
        {"max_num_seqs": 8},
        {"max_num_seqs": 1},
        {"max_length": 128},
    ]


def test_never_more_gpus_than_there_are() -> None:
    two = GPU.model_copy(update={"tensor_parallel": 2})
    gpus = [c for c in steps(two, longest_request=None, max_gpus=3) if "tensor_parallel" in c]
    assert gpus == []
