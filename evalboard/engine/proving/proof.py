"""Proof that an engine on this machine computes what plain transformers computes on a CPU.

A one-layer model of each kind is made on the spot, loaded as any model is, and asked for
log-likelihoods. Wrong numbers come without an error where a kernel, a driver or a build does not fit
the GPU, so `evalboard doctor` asks for this proof. It is kept for the same GPU, driver and
libraries.

    python -m evalboard.engine.proving.proof KIND BACKEND

proves one kind in a process of its own, and writes its `Proof` as the last line.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from evalboard.engine.environment import environment
from evalboard.engine.loading.loader import LoadArguments, available_device, load_model
from evalboard.engine.provenance import machine, versions
from evalboard.errors import EngineError
from evalboard.files import read_state, write_state
from evalboard.records.precision import Precision
from evalboard.settings import Settings, child_environment

KINDS = {"cpu": ("dense", "mixture"), "cuda": ("dense", "mixture", "gptq")}
"""By device: a Llama, a mixture of experts (Mixtral), and the Llama with weights of four bits as GPTQ
stores them, for which vLLM has no kernel on every CPU. Each goes another way through the kernels."""
DRIVER = Path("/proc/driver/nvidia/version")
TIMEOUT_SECONDS = 600
"""For one kind: imports, start of the engine, and the kernels that are compiled on first use."""
TOLERANCES = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.1}
"""Largest difference of a log-likelihood, in nats. Random answers are two nats apart on average."""
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


def prove_all(settings: Settings, *, on_progress: Callable[[str], None]) -> list[Proof]:
    """Return the proof of every kind, from an earlier call on the same machine if there was one.

    Args:
        settings: With the backend, and the work folder, which keeps the proofs.
        on_progress: Called with a description of the current step.

    Raises:
        EngineError: An engine could not be started, or gave no answer.
    """
    kept = settings.work_folder / "proofs.json"
    circumstances = _circumstances(settings.backend)

    def parse(document: dict[str, Any]) -> list[Proof]:
        if document["circumstances"] != circumstances:
            return []
        return [Proof.model_validate(proof) for proof in document["proofs"]]

    if known := read_state(kept, parse):
        return known
    proofs: list[Proof] = []
    device = available_device()
    for kind in KINDS[device]:
        on_progress(f"Scoring a {kind} model")
        proofs.append(_prove_apart(kind, settings, device))
    if all(proof.holds for proof in proofs):
        kept.parent.mkdir(parents=True, exist_ok=True)
        dumped = [proof.model_dump(mode="json") for proof in proofs]
        write_state(kept, {"circumstances": circumstances, "proofs": dumped})
    return proofs


def _circumstances(backend: str) -> str:
    """Return a digest of everything that makes another proof necessary when it changes."""
    driver = DRIVER.read_text(encoding="utf-8") if DRIVER.is_file() else ""
    found = {
        "machine": machine(),
        "driver": driver,
        "backend": backend,
        "versions": versions(backend)._asdict(),
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
    if ended.returncode:
        raise EngineError(
            f"Scoring a {kind} model failed with exit code {ended.returncode}.",
            log_tail=ended.stderr[-2000:],
        )
    return Proof.model_validate_json(ended.stdout.splitlines()[-1])


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
            max_length=MAX_LENGTH,
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
