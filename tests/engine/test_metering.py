"""The energy of GPUs, with a library that says of them what NVIDIA's does."""

import pytest

from evalboard.engine.metering import EnergyMeter
from evalboard.records.spent import Usage


class Library:
    """NVIDIA's library. A GPU is its counter in millijoules, None without one, and its limit in watts."""

    class NVMLError(Exception): ...

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: list[int | None]) -> int:
        if gpu[0] is None:
            raise self.NVMLError
        return gpu[0]

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: list[int | None]) -> int:
        if gpu[1] is None:
            raise self.NVMLError
        return 1000 * gpu[1]


def usage(*gpus: list[int | None], more: int = 7_200_000) -> Usage:
    with EnergyMeter(Library(), gpus).measured() as found:
        for gpu in gpus:
            gpu[0] = None if gpu[0] is None else gpu[0] + more
    return found[0]


def test_the_counters_of_all_gpus_add_up() -> None:
    assert usage([5, 700], [10**12, 700]) == Usage(energy_wh=4.0)


@pytest.mark.parametrize("gpu", [[None, 700], [10**12, 700]], ids=["no counter", "reset meanwhile"])
def test_a_gpu_without_a_counter_is_estimated(gpu: list[int | None]) -> None:
    found = usage([5, 700], gpu, more=7_200_000 if gpu[0] is None else -10)
    assert found.energy_is_estimated
    assert (found.energy_wh or 0) < 3


def test_a_gpu_of_which_nothing_is_known_leaves_the_energy_open() -> None:
    assert usage([5, 700], [None, None]) == Usage()
    assert usage() == Usage()
