"""What is said of models that cannot be loaded, with real broken files."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, MambaConfig, MambaForCausalLM

from evalboard.engine.loading.failures import classify, loading_errors, shortage_in
from evalboard.engine.loading.loader import LoadArguments, load_model
from evalboard.errors import ConfigError, LoadFailed, MachineUnfit, OutOfMemory, Shortage

from .conftest import edit_json, reference

WEIGHTS = "model.safetensors"


def _cut_short(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def _without_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _of_another_shape(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["model.layers.1.mlp.up_proj.weight"] = torch.zeros(3, 64)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _without_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def _of_another_kind(folder: Path) -> None:
    edit_json(folder / "config.json", model_type="vit", architectures=["ViTModel"])


def _unknown(folder: Path) -> None:
    edit_json(folder / "config.json", model_type="of_my_own", architectures=["MyOwnForCausalLM"])


SPOILED: dict[Callable[[Path], None], str] = {
    _cut_short: "Bad weights: ",
    _without_a_tensor: "Bad weights: ",
    _of_another_shape: "Bad weights: ",
    _without_weights: "Bad weights: ",
    _of_another_kind: "Unsupported architecture: ",
    _unknown: "Unsupported architecture: ",
}


def _of_mamba(folder: Path) -> None:
    """Write a model for which vLLM's build for CPUs has no kernel."""
    old = AutoConfig.from_pretrained(folder)
    special = {"bos_token_id": old.bos_token_id, "eos_token_id": old.eos_token_id}
    config = MambaConfig(
        vocab_size=old.vocab_size, hidden_size=64, num_hidden_layers=2, state_size=8, **special
    )
    MambaForCausalLM(config).save_pretrained(folder)


@pytest.fixture
def spoiled(base: Path, tmp_path: Path) -> Callable[[Callable[[Path], None]], Path]:
    """Return a function that makes a spoiled copy of the base."""

    def make(spoil: Callable[[Path], None]) -> Path:
        folder = tmp_path / spoil.__name__
        shutil.copytree(base, folder)
        spoil(folder)
        return folder

    return make


@pytest.mark.parametrize("spoil", SPOILED)
def test_transformers_cannot_load_it(spoil: Callable[[Path], None], spoiled: Any) -> None:
    arguments = LoadArguments(
        backend="hf", weights=spoiled(spoil), precision="float32", device="cpu"
    )
    with pytest.raises(LoadFailed) as caught:
        load_model(arguments)
    assert caught.value.message.startswith(SPOILED[spoil])
    assert caught.value.settings["precision"] == "float32"
    if spoil in (_without_a_tensor, _of_another_shape):
        assert "'model.layers.1.mlp.up_proj.weight'" in caught.value.message


@pytest.mark.slow
def test_vllm_cannot_load_it_and_loads_what_is_merged(
    spoiled: Any,
    base: Path,
    make_adapter: Callable[..., Any],
    make_delta: Callable[[], Any],
    open_files: Any,
    tmp_path: Path,
) -> None:
    """All in one process: each start of vLLM takes long."""
    expected = [reference(make_adapter(), base), reference(make_delta(), base)]
    good = [
        open_files("org/lora", "Adapter").loadable.weights,
        open_files("org/delta", "Delta").loadable.weights,
    ]
    bad = [spoiled(spoil) for spoil in (*SPOILED, _of_mamba)]
    output = tmp_path / "found.json"
    program = Path(__file__).with_name("on_vllm.py")
    command = [sys.executable, str(program), str(output), *map(str, [*good, *bad])]
    subprocess.run(command, check=True, cwd=tmp_path)
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found[:2] == [pytest.approx(values, abs=1e-4) for values in expected]
    assert [code for code, _ in found[2:]] == ["load_failed"] * len(bad)
    *said, of_mamba = [message for _, message in found[2:]]
    for message, start in zip(said, SPOILED.values(), strict=True):
        assert message.startswith(start)
    assert re.match("Unsupported architecture: .*selective_scan_fwd.*EVALBOARD_BACKEND", of_mamba)


@pytest.mark.parametrize(
    ("exc", "shortage"),
    [
        (MemoryError(), Shortage.STEP),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            Shortage.STEP,
        ),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
            ),
            Shortage.STEP,
        ),
        (
            RuntimeError(
                "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
            ),
            Shortage.STEP,
        ),
        (OSError(12, "Cannot allocate memory"), Shortage.STEP),
        (
            ValueError("No available memory for the cache blocks. Try increasing"),
            Shortage.CACHE,
        ),
        (
            ValueError(
                "KV cache is needed, which is larger than the available KV cache memory (1 GiB)"
            ),
            Shortage.CACHE,
        ),
        (
            ValueError(
                "max_num_seqs (1024) exceeds available Mamba cache blocks (100). Each decode"
            ),
            Shortage.SEQUENCES,
        ),
        (
            ValueError(
                "Free memory on device cuda:0 (1/80 GiB) on startup is less than desired GPU "
                "memory utilization (0.9, 72 GiB)."
            ),
            Shortage.SHARE,
        ),
        (
            ValueError(
                "Some modules are dispatched on the CPU or the disk. Make sure you have enough"
            ),
            Shortage.STEP,
        ),
    ],
)
def test_out_of_memory_has_many_words(exc: Exception, shortage: Shortage) -> None:
    failure = classify(exc, {"tensor_parallel": 2})
    assert isinstance(failure, OutOfMemory)
    assert failure.shortage is shortage
    assert failure.settings == {"tensor_parallel": 2}


@pytest.mark.parametrize(
    "exc",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError(
            "The NVIDIA driver on your system is too old (found version 12040). Please update"
        ),
        RuntimeError("CUDA error: no kernel image is available for execution on the device"),
        RuntimeError("Failed to find C compiler. Please specify via CC environment variable"),
        subprocess.CalledProcessError(1, ["/usr/bin/gcc", "/tmp/t/cuda_utils.c", "-O3"]),
        RuntimeError("NCCL error: unhandled system error (run with NCCL_DEBUG=INFO for details)"),
        ValueError(
            "Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla "
            "T4 GPU has compute capability 7.5."
        ),
    ],
)
def test_the_machines_fault_has_many_words(exc: Exception) -> None:
    failure = classify(exc, {"tensor_parallel": 2})
    assert type(failure) is MachineUnfit
    assert f"{exc}"[:40] in failure.message
    assert failure.settings == {"tensor_parallel": 2}


def test_a_worker_that_ran_out_of_memory_is_why_the_others_lost_it() -> None:
    log = "torch.OutOfMemoryError: CUDA out of memory."
    failure = classify(RuntimeError("NCCL error: remote process exited"), {}, log)
    assert type(failure) is OutOfMemory


def test_anything_else_is_no_lack_of_memory() -> None:
    assert shortage_in(ValueError("The memory of this model is not used.")) is None
    failure = classify(ValueError("odd"), {})
    assert failure.message == ("The model cannot be loaded: ValueError: odd. See the engine's log.")


@pytest.mark.parametrize(
    ("written", "kind", "start"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory.", OutOfMemory, "Out of memory"),
        ('  File "llama.py", line 4, in load_weights\nKeyError', LoadFailed, "Bad weights"),
        ("nothing", LoadFailed, "The model cannot be loaded"),
    ],
)
def test_what_only_the_log_of_a_worker_says(
    written: str, kind: type[Exception], start: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("CUDA out of memory in an earlier attempt\n", encoding="utf-8")

    def load_in_a_worker() -> None:
        with loading_errors({}, log_file=log):
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{written}\n")
            raise RuntimeError("WorkerProc initialization failed due to an exception")

    with pytest.raises(kind, match=start):
        load_in_a_worker()


@pytest.mark.parametrize(
    "change", [{"precision": "8bit"}, {"precision": "float32", "adapter": Path("lora")}]
)
def test_vllm_is_not_asked_for_what_it_cannot_do(change: dict[str, Any]) -> None:
    arguments = LoadArguments.model_validate(
        {"backend": "vllm", "weights": Path("model"), "device": "cpu", **change}
    )
    with pytest.raises(ConfigError, match="backend 'hf'"):
        load_model(arguments)
