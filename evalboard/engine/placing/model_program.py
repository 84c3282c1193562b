"""What makes a process the engine of a model; see `evalboard.engine.placing.child_program`.

The libraries take seconds to import, and read their environment at the import.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from evalboard.collecting import importing
from evalboard.engine.environment import of_device
from evalboard.engine.fitness import require_device
from evalboard.engine.keeping import Keeper
from evalboard.engine.loading.loader import (
    available_device,
    import_backend,
    prepare_backend,
)
from evalboard.engine.prompting import Prompter
from evalboard.engine.spec import EngineSpec
from evalboard.process_environment import set_environment

if TYPE_CHECKING:
    from evalboard.engine.process import EngineProcess


def import_libraries(backend: str, cpu_kv_cache_gib: int) -> None:
    """Set the environment of the device, and import lm_eval, torch and the backend."""
    with importing():
        set_environment(of_device(available_device(), cpu_kv_cache_gib=cpu_kv_cache_gib))
        import_module("evalboard.engine.process")
        import_backend(backend)


def prepare(spec: EngineSpec) -> None:
    """Let the backend do what it cannot do in a confinement.

    Raises:
        MachineUnfit: The machine has GPUs that torch does not find.
    """
    if spec.loads_model:
        require_device(available_device())
        prepare_backend(spec.backend, spec.architectures)


def make(spec: EngineSpec, keeper: Keeper, questions: Path) -> "EngineProcess":
    """Return the engine."""
    from evalboard.engine.process import EngineProcess

    device = available_device() if spec.loads_model else "cpu"
    prompter = Prompter(spec.model)
    return EngineProcess(spec, device, keeper, questions=questions, prompter=prompter)
