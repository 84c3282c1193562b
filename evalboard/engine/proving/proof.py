"""Proof that an engine on this machine computes what plain transformers computes on a CPU.

A one-layer model of each kind is made on the spot, loaded as any model is, and asked for
log-likelihoods. Wrong numbers come without an error where a kernel, a driver or a build does not fit
the GPU, so a machine with one is asked for this proof before its first request
(`evalboard.engine.examining`), and by `evalboard doctor`. It is kept for the same GPUs, driver and
libraries.

    python -m evalboard.engine.proving.proof KIND BACKEND

proves one kind in a process of its own, and writes its `Proof` as the last line.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from evalboard.engine.environment import environment
from evalboard.engine.hardware import nvidia_driver, visible_gpus
from evalboard.engine.loading.loader import LoadArguments, available_device, load_model
from evalboard.engine.provenance import versions
from evalboard.errors import EngineError, OutOfMemory
from evalboard.files import read_state, write_state
from evalboard.process_environment import child_environment
from evalboard.records.precision import Precision
from evalboard.settings import Settings

KINDS = {"cpu": ("dense", "mixture"), "cuda": ("dense", "mixture", "gptq")}
"""By device: a Llama, a mixture of experts (Mixtral), and the Llama with weights of four bits as GPTQ
stores them, for which vLLM has no kernel on every CPU. Each goes another way through the kernels."""
FOLDER = "proofs"
"""In the work folder, which machines with other GPUs may share."""
NAME_LENGTH = 32
TIMEOUT_SECONDS = 600
"""For one kind: imports, start of the engine, and the kernels that are compiled on first use."""
TOLERANCES = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.1}
"""Largest difference of a log-likelihood, in nats. Random answers are two nats apart on average."""
MEMORY_FRACTION = 0.2
"""Of a GPU's memory, which other programs may use too. The models need much less."""
TAIL_CHARACTERS = 2000
MAX_REASON = 500
"""Number of characters to quote of a process that failed."""
AGREEING_FRACTION = 0.9
"""Smallest fraction of answers within the tolerance: rounding may send a word to another expert."""


class Proof(BaseModel):
    """The comparison of one kind of model."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    kind: str
    precision: str
    """The dtype in which the engine computed."""
    differences: tuple[float, ...]
    """Absolute difference of each log-likelihood from that of plain transformers, in nats."""

    @property
    def tolerance(self) -> float:
        """Largest difference that rounding explains, in nats."""
        return TOLERANCES[self.precision]

    @property
    def holds(self) -> bool:
        """Whether the engine computes what plain transformers computes."""
        within = sum(difference <= self.tolerance for difference in self.differences)
        return within >= AGREEING_FRACTION * len(self.differences)

    def __str__(self) -> str:
        """Return the outcome in words."""
        how = "as" if self.holds else "NOT as"
        return (
            f"A {self.kind} model in {self.precision} scores {how} plain transformers does: "
            f"{len(self.differences)} log-likelihoods, largest difference "
            f"{max(self.differences):.2g}."
        )


class _Outcome(BaseModel):
    """What was found on a machine."""

    proofs: tuple[Proof, ...] = ()
    problem: str = ""
    """Why there is no proof, empty if there is one of each kind."""

    @property
    def faults(self) -> list[str]:
        """What is wrong with the machine."""
        wrong = [str(proof) for proof in self.proofs if not proof.holds]
        return [*wrong, self.problem] if self.problem else wrong


def prove_all(
    settings: Settings, *, device: str, on_progress: Callable[[str], object]
) -> Sequence[Proof]:
    """Return the proof of every kind, from an earlier call on the same machine if all hold.

    Args:
        settings: With the backend, and the work folder, which keeps the proofs.
        device: `cuda` or `cpu`.
        on_progress: Called with a description of the current step.

    Raises:
        OutOfMemory: Other programs use the memory of the GPU, so this says nothing about it.
        EngineError: An engine could not be started, or gave no answer.
    """
    known = read_state(_file(settings), _Outcome.model_validate)
    if known and not known.faults:
        return known.proofs
    proofs: list[Proof] = []
    try:
        for kind in KINDS[device]:
            on_progress(f"Scoring a {kind} model")
            proofs.append(_prove_apart(kind, settings, device))
    except OutOfMemory:
        raise
    except EngineError as exc:
        _keep(settings, problem=exc.message)
        raise
    _keep(settings, proofs=proofs)
    return proofs


def find_disproof(settings: Settings) -> str:
    """Return what was wrong with the last proof on the same machine, empty if it held or is none."""
    known = read_state(_file(settings), _Outcome.model_validate)
    return " ".join(known.faults) if known else ""


def _keep(settings: Settings, **found: Any) -> None:
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_state(file, _Outcome(**found).model_dump(mode="json"))


def _file(settings: Settings) -> Path:
    """Return the file of what is found in these circumstances."""
    return settings.work_folder / FOLDER / f"{_circumstances(settings.backend)[:NAME_LENGTH]}.json"


def _circumstances(backend: str) -> str:
    """Return a digest of everything that makes another proof necessary when it changes."""
    gpus = [(gpu.model, gpu.capability, gpu.memory) for gpu in visible_gpus()]
    found = {
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "gpus": gpus,
        "driver": nvidia_driver(),
        "backend": backend,
        "versions": versions(backend),
    }
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _prove_apart(kind: str, settings: Settings, device: str) -> Proof:
    command = [sys.executable, "-m", __spec__.name, kind, settings.backend]
    variables = environment(device=device, cpu_kv_cache_gib=settings.cpu_kv_cache_gib, offline=True)
    try:
        ended = subprocess.run(
            command,
            env=child_environment(settings, **variables),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        raise EngineError(
            f"Scoring a {kind} model did not end within {TIMEOUT_SECONDS} s."
        ) from exc
    if f"{OutOfMemory.__name__}:" in ended.stderr:
        raise OutOfMemory(
            f"Scoring a {kind} model ran out of memory, which other programs use.",
            log_tail=ended.stderr[-TAIL_CHARACTERS:],
        )
    if ended.returncode:
        raise EngineError(
            f"Scoring a {kind} model failed with exit code {ended.returncode}: "
            f"{_last_line(ended.stderr)}",
            log_tail=ended.stderr[-TAIL_CHARACTERS:],
        )
    return Proof.model_validate_json(ended.stdout.splitlines()[-1])


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-MAX_REASON:] if lines else "it wrote no reason"


def prove(kind: str, backend: str, folder: Path) -> Proof:
    """Make a model, and compare the engine's answers with those of plain transformers.

    Args:
        kind: One of `KINDS`.
        backend: Name of a backend.
        folder: An empty folder for the model.
    """
    from evalboard.engine.proving.models import make_model

    precision = _precision(kind)
    return compare(kind, precision, make_model(kind, folder, precision), folder, backend)


def compare(kind: str, precision: str, plain: Any, folder: Path, backend: str) -> Proof:
    """Compare the engine's answers with those of a model of transformers.

    Args:
        kind: One of `KINDS`.
        precision: In which the engine computes.
        plain: The model, in float32 on the CPU.
        folder: Its repository.
        backend: Name of a backend.
    """
    from lm_eval.api.instance import Instance

    from evalboard.engine.proving.models import MAX_LENGTH, plain_answers, questions

    asked = questions()
    model: Any = load_model(
        LoadArguments(
            backend=backend,
            weights=folder,
            precision=Precision.PREQUANTISED if kind == "gptq" else precision,
            device=available_device(),
            gpu_memory_fraction=MEMORY_FRACTION,
            max_length=MAX_LENGTH,
            generates=False,
        )
    )
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=question, idx=number)
        for number, question in enumerate(asked)
    ]
    steps = model.stream("loglikelihood", requests, frozenset(range(len(requests))))
    found = {number: answer[0] for step in steps for number, answer in step}
    expected = enumerate(plain_answers(plain, asked))
    differences = tuple(abs(found[number] - value) for number, value in expected)
    return Proof(kind=kind, precision=precision, differences=differences)


def _precision(kind: str) -> str:
    """Return the dtype in which a board evaluates such a model on this device."""
    import torch

    if kind == "gptq":
        return Precision.FLOAT16
    if available_device() == "cpu":
        return Precision.FLOAT32
    return Precision.BFLOAT16 if torch.cuda.is_bf16_supported() else Precision.FLOAT16


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="evalboard-proof-") as made:
        print(prove(sys.argv[1], sys.argv[2], Path(made)).model_dump_json())  # noqa: T201 - the result
