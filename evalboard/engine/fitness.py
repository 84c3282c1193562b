"""Whether this machine can run engines, whatever the model: GPUs, driver, compilers, disk, memory.

`machine_facts` reads what is cheap, without torch. `torch_facts` asks torch in a process of its own,
which takes seconds. `judge` compares both, and is pure.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psutil
from huggingface_hub.constants import HF_HUB_CACHE

from evalboard.backends import find_backend
from evalboard.engine.environment import common, import_path
from evalboard.engine.hardware import Driver, Gpu, machine_gpus, nvidia_driver, visible_gpus
from evalboard.engine.loading.failures import shortage_in, unfit
from evalboard.errors import MachineUnfit
from evalboard.files import disk_of
from evalboard.process_environment import child_environment
from evalboard.settings import Settings

TORCH_SECONDS = 300
"""Time for torch to look at the GPUs. From a cold disk its libraries take a minute."""
LEAST_DISK_BYTES = 2**30
"""An engine needs about that for its view, its log and its compiled kernels."""
LEAST_SCRATCH_BYTES = 100 * 2**20
"""An engine needs a part of that for its temporary files."""
USUAL_DISK_BYTES = 20 * 2**30
"""Holds the files of one model of 7 billion parameters."""
LEAST_SHARED_BYTES = 2**30
"""Engines on several GPUs exchange messages there, about this much on 8 GPUs."""
LEAST_MEMORY_BYTES = 4 * 2**30
LEAST_CAPABILITY = {12: (5, 0), 13: (7, 5)}
"""Oldest GPUs of which torch's CUDA libraries have kernels, by their version."""
OLDEST_DRIVER = {12: "525", 13: "580"}
BFLOAT16_CAPABILITY = (8, 0)

MORE_DISK = "Free some space, or move the folder (EVALBOARD_HOME, EVALBOARD_WORK, HF_HOME)."
NEW_DRIVER = "Install a newer driver of NVIDIA"


class Problem(NamedTuple):
    """Something about the machine that should be mended."""

    what: str
    fix: str
    is_fatal: bool = True
    """Whether no engine can run before."""

    def __str__(self) -> str:
        return f"{self.what} {self.fix}"


class MachineFacts(NamedTuple):
    """What can be known of a machine without torch."""

    gpus: tuple[Gpu, ...] = ()
    """Those that CUDA_VISIBLE_DEVICES leaves, with each part of a divided one."""
    hidden: int = 0
    """Number of further GPUs, which CUDA_VISIBLE_DEVICES hides."""
    driver: Driver = Driver()
    torch_cuda: int = 0
    """CUDA of the installed torch, its main number; 0 for a torch without CUDA."""
    c_compiler: str = ""
    """Path of a C compiler, empty if there is none."""
    cxx_compiler: str = ""
    has_python_headers: bool = False
    compiles_kernels: bool = True
    """Whether the board's backend needs compiler and headers."""
    free_scratch: int = LEAST_SCRATCH_BYTES
    """Free bytes for temporary files."""
    free_disk: Mapping[str, int] = {}
    """Free bytes by folder that engines write to."""
    shared_bytes: int = LEAST_SHARED_BYTES
    """Size of the shared memory."""
    free_memory: int = LEAST_MEMORY_BYTES
    """Free bytes of the machine's memory."""

    @property
    def uses_gpus(self) -> bool:
        """Whether engines should find a GPU."""
        return bool(self.gpus and self.torch_cuda)


class TorchFacts(NamedTuple):
    """What torch finds in a process of its own."""

    devices: tuple[str, ...] = ()
    problem: str = ""
    """Why it cannot compute on a GPU, empty if it can or sees none."""


def find_problems(settings: Settings) -> list[Problem]:
    """Return all problems of this machine. This takes seconds: torch is asked, too."""
    facts = machine_facts(settings)
    return judge(facts, torch_facts(settings) if facts.uses_gpus else None)


def find_obvious_problems(settings: Settings) -> list[Problem]:
    """Return the problems that are known without torch."""
    return judge(machine_facts(settings))


def judge(facts: MachineFacts, torch: TorchFacts | None = None) -> list[Problem]:
    """Return the problems of a machine, fatal ones first."""
    found = [*_disk(facts), *_memory(facts)]
    if facts.uses_gpus:
        found += [*_driver(facts), *_capability(facts), *_compilers(facts), *_shared(facts)]
        found += _divided(facts)
        found += _torch(facts, torch) if torch else ()
    elif facts.torch_cuda and not facts.hidden:
        found.append(
            Problem(
                f"The installed torch is made for CUDA {facts.torch_cuda}, and NVIDIA's driver "
                "reports no GPU.",
                "Look at `nvidia-smi`, or install for the CPU with `make setup DEVICE=cpu`.",
                is_fatal=False,
            )
        )
    return sorted(found, key=lambda problem: not problem.is_fatal)


def _disk(facts: MachineFacts) -> Iterator[Problem]:
    for folder, free in facts.free_disk.items():
        if free < USUAL_DISK_BYTES:
            text = f"Folder {folder!r} has only {free / 2**30:.1f} GiB of free space."
            yield Problem(text, MORE_DISK, is_fatal=free < LEAST_DISK_BYTES)
    if facts.free_scratch < LEAST_SCRATCH_BYTES:
        yield Problem(
            f"The folder of temporary files {tempfile.gettempdir()!r} has only "
            f"{facts.free_scratch / 2**20:.0f} MiB of free space.",
            "Free some space, or move the folder (TMPDIR).",
        )


def _memory(facts: MachineFacts) -> Iterator[Problem]:
    if facts.free_memory < LEAST_MEMORY_BYTES:
        yield Problem(
            f"Only {facts.free_memory / 2**30:.1f} GiB of memory are free.",
            "End other programs, or evaluate small models only.",
            is_fatal=False,
        )


def _driver(facts: MachineFacts) -> Iterator[Problem]:
    if facts.driver.cuda < facts.torch_cuda:
        least = OLDEST_DRIVER.get(facts.torch_cuda)
        yield Problem(
            f"NVIDIA's driver {facts.driver.version} supports CUDA {facts.driver.cuda}, and the "
            f"installed torch needs CUDA {facts.torch_cuda}.",
            f"{NEW_DRIVER} ({least} or later)." if least else f"{NEW_DRIVER}.",
        )


def _capability(facts: MachineFacts) -> Iterator[Problem]:
    least = LEAST_CAPABILITY.get(facts.torch_cuda, (0, 0))
    for model, capability in dict.fromkeys((gpu.model, gpu.capability) for gpu in facts.gpus):
        version = ".".join(map(str, capability))
        if capability < least:
            yield Problem(
                f"GPU {model!r} has the compute capability {version}. torch for CUDA "
                f"{facts.torch_cuda} needs {'.'.join(map(str, least))}.",
                "Hide it with CUDA_VISIBLE_DEVICES, or set CUDA_VISIBLE_DEVICES='' to evaluate on "
                "the CPU.",
            )
        elif capability < BFLOAT16_CAPABILITY:
            yield Problem(
                f"GPU {model!r} has the compute capability {version} and cannot compute in "
                "bfloat16, which needs 8.0.",
                "Evaluate in float16, float32, 8bit or 4bit only.",
                is_fatal=False,
            )


def _compilers(facts: MachineFacts) -> Iterator[Problem]:
    if not facts.c_compiler:
        yield Problem(
            "There is no C compiler, with which Triton builds its kernels for GPUs.",
            "Install gcc and libc6-dev.",
            is_fatal=facts.compiles_kernels,
        )
    if not facts.has_python_headers:
        yield Problem(
            "The header Python.h is missing, which Triton's kernels for GPUs need.",
            f"Install python{sys.version_info.major}.{sys.version_info.minor}-dev.",
            is_fatal=facts.compiles_kernels,
        )
    if not facts.cxx_compiler:
        yield Problem(
            "There is no C++ compiler, which torch and FlashInfer need for some models.",
            "Install g++.",
            is_fatal=False,
        )


def _shared(facts: MachineFacts) -> Iterator[Problem]:
    if len(facts.gpus) > 1 and facts.shared_bytes < LEAST_SHARED_BYTES:
        yield Problem(
            f"The shared memory has only {facts.shared_bytes / 2**20:.0f} MiB, too little for "
            "engines on several GPUs.",
            "Start the container with --ipc=host, or with --shm-size=8g.",
            is_fatal=False,
        )


def _divided(facts: MachineFacts) -> Iterator[Problem]:
    parts = sum(gpu.is_part for gpu in facts.gpus)
    if parts and len(facts.gpus) > 1:
        yield Problem(
            f"GPUs of this machine are divided (MIG), and {parts} parts are visible. Ray counts "
            "whole GPUs, and CUDA gives a process one part.",
            "Let CUDA_VISIBLE_DEVICES name one part, and start a worker for each part; or let it "
            "name whole GPUs only.",
        )


def _torch(facts: MachineFacts, torch: TorchFacts) -> Iterator[Problem]:
    if torch.problem:
        yield Problem(f"torch cannot compute on a GPU: {torch.problem}.", "Mend the driver.")
    elif not torch.devices:
        yield Problem(
            f"NVIDIA's driver reports {len(facts.gpus)} GPUs, and torch finds none.",
            "Restart the machine or the container, compare the driver with `nvidia-smi`, and "
            "check CUDA_VISIBLE_DEVICES.",
        )
    elif len(torch.devices) < len(facts.gpus):
        yield Problem(
            f"torch finds only {len(torch.devices)} of {len(facts.gpus)} GPUs.",
            "Compare with `nvidia-smi`, and look for errors in the system's log.",
            is_fatal=False,
        )


def machine_facts(settings: Settings) -> MachineFacts:
    """Return what is known of this machine without torch, within milliseconds."""
    gpus = visible_gpus()
    header = Path(sysconfig.get_path("include"), "Python.h")
    shared = Path("/dev/shm")
    return MachineFacts(
        gpus=tuple(gpus),
        hidden=machine_gpus().number - len(gpus),
        driver=nvidia_driver(),
        torch_cuda=_cuda_of_torch(),
        c_compiler=_first_program("gcc", "clang", "cc"),
        cxx_compiler=_first_program("g++", "clang++", "c++"),
        has_python_headers=header.is_file(),
        compiles_kernels=find_backend(settings.backend).compiles_kernels,
        free_scratch=_free(Path(tempfile.gettempdir())),
        free_disk={str(folder): _free(folder) for folder in _written_folders(settings)},
        shared_bytes=shutil.disk_usage(shared).total if shared.is_dir() else 0,
        free_memory=psutil.virtual_memory().available,
    )


def require_device(device: str) -> None:
    """Refuse to run an engine on the CPU of a machine whose GPUs torch does not find.

    Raises:
        MachineUnfit: NVIDIA's driver reports GPUs that this process may use.
    """
    facts = MachineFacts(tuple(visible_gpus()), torch_cuda=_cuda_of_torch())
    if device == "cpu" and facts.uses_gpus:
        (problem,) = _torch(facts, TorchFacts())
        raise MachineUnfit(unfit(problem.what.rstrip(".")))


def torch_facts(settings: Settings) -> TorchFacts:
    """Let torch compute something on every GPU, in a process of its own."""
    program = [sys.executable, "-P", "-m", "evalboard.engine.fitness"]
    variables = child_environment(
        settings, **common(offline=True, on_gpu=True), PYTHONPATH=import_path()
    )
    try:
        said = subprocess.run(
            program,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=TORCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return TorchFacts(problem=f"no answer within {TORCH_SECONDS} s")
    if said.returncode:
        last = said.stderr.strip().splitlines()[-1:]
        return TorchFacts(problem=f"its process ended with exit code {said.returncode}: {last}")
    devices, problem = json.loads(said.stdout.splitlines()[-1])
    return TorchFacts(tuple(devices), problem)


def _ask_torch() -> TorchFacts:
    import torch

    names: list[str] = []
    try:
        for number in range(torch.cuda.device_count()):
            names.append(torch.cuda.get_device_name(number))
            square = torch.ones(16, 16, device=f"cuda:{number}")
            (square @ square).sum().item()
    except RuntimeError as exc:
        if shortage_in(exc):  # taken by an engine, so it computes
            return TorchFacts(tuple(names))
        return TorchFacts(tuple(names), " ".join(f"{exc}".split()).rstrip("."))
    return TorchFacts(tuple(names))


def _cuda_of_torch() -> int:
    """Return the main number of the CUDA of the installed torch, 0 without, without its import."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return 0
    text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    found = re.search(r"^cuda\b.*=\s*'(\d+)\.", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _first_program(*names: str) -> str:
    return next((path for name in names if (path := shutil.which(name))), "")


def _written_folders(settings: Settings) -> list[Path]:
    downloads = [] if settings.offline else [Path(HF_HUB_CACHE)]
    return [settings.work_folder.resolve(), *downloads]


def _free(folder: Path) -> int:
    """Return the free bytes at a folder, which need not exist yet; 0 if it cannot be reached."""
    try:
        return disk_of(folder).free
    except OSError:
        return 0


if __name__ == "__main__":
    print(json.dumps(_ask_torch()))  # noqa: T201 - read by `torch_facts`
