"""Load one model into this process with its backend, as an lm_eval model."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from evalboard.backends import BACKENDS, Backend, find_backend
from evalboard.collecting import importing
from evalboard.engine.loading.failures import loading_errors
from evalboard.errors import ConfigError

if TYPE_CHECKING:
    from lm_eval.api.model import LM


class LoadArguments(BaseModel):
    """The model to load, and its resources."""

    model_config = ConfigDict(frozen=True)

    backend: str
    """Name of a backend; see `evalboard.backends`."""
    weights: Path
    """Folder with full weights, config and tokenizer; see `evalboard.engine.loading.weights`."""
    adapter: Path | None = None
    """Folder of a LoRA adapter to apply to the loaded weights, if they are quantised and cannot be
    merged.
    """
    precision: str
    device: str
    """`cuda` or `cpu`."""
    tensor_parallel: int = 1
    """Number of GPUs, if there are any."""
    gpu_memory_fraction: float = 0.9
    """Fraction of a GPU's memory, in (0, 1]."""
    max_num_seqs: int | None = None
    """Number of concurrent requests, None for the backend's default."""
    max_num_batched_tokens: int | None = None
    """Number of tokens of one step, None for the backend's default."""
    max_length: int | None = None
    """Maximum length of a request in tokens, None for the model's own."""
    may_cut: bool = True
    """Whether longer requests are truncated as in lm_eval; otherwise they fail."""
    architectures: tuple[str, ...] = ()
    """Names of its architectures in its config."""
    generates: bool = True
    """Whether the model is asked for text, and not only for log-likelihoods."""
    log_file: Path | None = None
    """Log file of this process and its children."""


def available_device() -> str:
    """Return the device that torch finds, `cuda` or `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def import_backend(name: str) -> None:
    """Import a backend's libraries, which takes 5 s for vLLM."""
    with importing():  # vLLM collects five times while it starts, through half a million objects
        import_module(find_backend(name).module)


def prepare_backend(name: str, architectures: Iterable[str]) -> None:
    """Do what a backend does for architectures outside of a confinement, by their names only."""
    import_module(find_backend(name).module).prepare(architectures)


def load_model(arguments: LoadArguments) -> "LM":
    """Load a model.

    Raises:
        ConfigError: The backend cannot run the model. The message names one that can.
        OutOfMemory: The device has too little memory.
        LoadFailed: The weights or the architecture are the cause. The message says which.
    """
    _check_runs(arguments)
    with _errors(arguments):
        return import_module(find_backend(arguments.backend).module).load(arguments)


def replace_model(model: "LM", arguments: LoadArguments) -> None:
    """Load the weights of another model of the same likeness in place of a loaded model's.

    After an error the process must end: what is loaded is neither of the two.

    Args:
        model: A loaded model.
        arguments: As it was loaded, with other weights; see `evalboard.engine.loading.likeness`.

    Raises:
        OutOfMemory: The device has too little memory.
        LoadFailed: The weights are the cause, or it is not proved that all of them were loaded.
    """
    with _errors(arguments):
        import_module(find_backend(arguments.backend).module).replace(model, arguments)


def _errors(arguments: LoadArguments) -> AbstractContextManager[None]:
    settings = arguments.model_dump(mode="json", exclude={"weights", "adapter", "log_file"})
    return loading_errors(settings, log_file=arguments.log_file)


def _check_runs(arguments: LoadArguments) -> None:
    def runs(backend: Backend) -> bool:
        takes_adapter = backend.puts_adapters or not arguments.adapter
        return backend.runs(arguments.precision) and takes_adapter

    if runs(find_backend(arguments.backend)):
        return
    also = " with an adapter that is not merged" if arguments.adapter else ""
    other = next((backend.name for backend in BACKENDS.values() if runs(backend)), None)
    raise ConfigError(
        f"The backend {arguments.backend!r} does not run precision {arguments.precision!r}{also}. "
        f"{f'Use the backend {other!r}.' if other else 'Ask for another precision.'}"
    )
