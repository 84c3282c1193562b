"""The energy of the GPUs while something runs, from NVIDIA's library."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evalboard.engine.hardware import nvml_library, visible_gpus
from evalboard.records.spent import Usage

WATT_HOUR = 3_600_000
"""Millijoules."""


class EnergyMeter:
    """Measures the GPUs that this process may use.

    The counter of a GPU (`nvmlDeviceGetTotalEnergyConsumption`, from Volta on) counts everything that runs
    on it. Without one, as on some consumer GPUs and on parts of a divided GPU, the energy is estimated as
    the power limit times the time, which is an upper bound.
    """

    def __init__(self, nvml: Any = None, devices: Sequence[Any] | None = None) -> None:
        """Find the GPUs, or take these of a library."""
        self._nvml = nvml or nvml_library()
        if devices is None:
            names = [gpu.names[-1] for gpu in visible_gpus()]
            devices = [self._nvml.nvmlDeviceGetHandleByUUID(name) for name in names]
        self._devices = devices

    @contextmanager
    def measured(self) -> Iterator[list[Usage]]:
        """Yield a list that has the usage when the block has ended."""
        found: list[Usage] = []
        started, before = time.monotonic(), [self._counter(device) for device in self._devices]
        yield found
        seconds = time.monotonic() - started
        found.append(self._usage(before, seconds))

    def _usage(self, before: list[int | None], seconds: float) -> Usage:
        if not self._devices:
            return Usage()
        spent = [
            self._spent(device, counter, seconds)
            for device, counter in zip(self._devices, before, strict=True)
        ]
        if any(energy is None for energy, _ in spent):
            return Usage()
        return Usage(
            energy_wh=round(sum(energy or 0 for energy, _ in spent) / WATT_HOUR, 3),
            energy_is_estimated=any(is_estimated for _, is_estimated in spent),
        )

    def _spent(self, device: Any, before: int | None, seconds: float) -> tuple[float | None, bool]:
        """Return the energy in millijoules, None if nothing is known, and whether it is an estimate."""
        after = self._counter(device)
        if before is not None and after is not None and after >= before:
            return after - before, False
        limit = self._ask(self._nvml.nvmlDeviceGetEnforcedPowerLimit, device)  # in milliwatts
        return None if limit is None else limit * seconds, True

    def _counter(self, device: Any) -> int | None:
        return self._ask(self._nvml.nvmlDeviceGetTotalEnergyConsumption, device)

    def _ask(self, function: Any, device: Any) -> int | None:
        try:
            return int(function(device))
        except self._nvml.NVMLError:
            return None
