"""The conditions of a measurement: the machine and the versions of the libraries."""

import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evalboard import __version__

DISTRIBUTIONS = ("lm_eval", "vllm", "torch", "transformers", "prefect", "ray")
PROCESSORS = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, Any]:
    """Return what this machine is. Imports torch."""
    from evalboard.engine.provenance import machine

    return machine() | {"processor": processor_name()}


def installed_versions() -> dict[str, str]:
    """Return the versions that the times depend on."""
    ours = {"evalboard": __version__, "python": platform.python_version()}
    return {**ours, **{name: version(name) for name in DISTRIBUTIONS if find_spec(name)}}


def processor_name() -> str:
    """Return the processor's name as Linux has it, else its architecture."""
    if PROCESSORS.exists():
        for line in PROCESSORS.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
