"""Commands of plain lm_eval that make the scores of a row again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.backends import HF, VLLM
from evalboard.errors import ConfigError
from evalboard.records.choice import WeightType
from evalboard.records.precision import PLAIN_PRECISIONS, Precision
from evalboard.records.result import ModelConfig
from evalboard.reproducing.tasks import PlainTask

BATCH_SIZES = {HF.name: "16", VLLM.name: "auto"}


class Place(NamedTuple):
    """A model as lm_eval's arguments name it."""

    name: str
    """Name on the Hub, or a folder."""
    revision: str = ""
    """Commit on the Hub, empty for a folder."""


class PlainRun(NamedTuple):
    """What every command of one reproduction has in common."""

    config: ModelConfig
    model: Place
    base: Place | None
    """What an adapter or a delta is put on."""
    engine: Mapping[str, Any]
    """Settings of the engine in the result document."""
    backend: str
    """lm_eval's name of it: `hf` or `vllm`."""
    tasks: Path
    """Folder of the task files."""
    output: Path
    limit: int | None = None
    """Ask only the first so many questions of each task; None for all."""


def usual_backend(config: ModelConfig) -> str:
    """Return the backend on which plain lm_eval can load a row's model: the row's own, if any can."""
    is_whole = config.weight_type == WeightType.ORIGINAL
    return config.backend if is_whole else HF.name


def plain_commands(run: PlainRun, tasks: Iterable[PlainTask]) -> list[list[str]]:
    """Return the words of each command, without the program: one per number of examples.

    A row that thinks has commands of their own for answers in words: lm_eval ranks no choices with thinking,
    and evalboard ranks them without.

    Raises:
        ConfigError: Plain lm_eval cannot load the model in this way.
    """

    def way(task: PlainTask) -> tuple[int, bool]:
        return task.part.num_fewshot, run.config.enable_thinking and task.writes

    return [
        _command(run, list(group), number, thinks=thinks)
        for (number, thinks), group in groupby(sorted(tasks, key=way), key=way)
    ]


def _command(
    run: PlainRun, tasks: Sequence[PlainTask], num_fewshot: int, *, thinks: bool
) -> list[str]:
    words = ["run", "--model", run.backend, "--model_args", *_model_arguments(run, thinks=thinks)]
    words += ["--tasks", *(task.name for task in tasks), "--num_fewshot", str(num_fewshot)]
    words += ["--batch_size", BATCH_SIZES[run.backend]]
    if any(task.name != task.part.task_name for task in tasks):
        words += ["--include_path", str(run.tasks)]
    if run.config.use_chat_template:
        words += ["--apply_chat_template", "--fewshot_as_multiturn", "true"]
    if run.limit is not None:
        words += ["--limit", str(run.limit)]
    return [*words, "--output_path", str(run.output), "--log_samples"]


def _model_arguments(run: PlainRun, *, thinks: bool) -> list[str]:
    thinking = _thinking(run.config, thinks=thinks)
    arguments = _weights(run) | _precision(run) | thinking | _resources(run)
    return [f"{name}={value}" for name, value in arguments.items()]


def _weights(run: PlainRun) -> dict[str, Any]:
    if run.config.weight_type == WeightType.ORIGINAL or run.base is None:
        return {"pretrained": run.model.name} | _revision(run.model)
    way = "peft" if run.config.weight_type == WeightType.ADAPTER else "delta"
    if run.backend != HF.name:
        raise ConfigError(
            f"Plain lm_eval loads a {way} on the backend 'hf' only. Use --backend hf."
        )
    # lm_eval would take a revision for both repositories: it gets none.
    return {"pretrained": run.base.name, way: run.model.name}


def _revision(place: Place) -> dict[str, str]:
    return {"revision": place.revision} if place.revision else {}


def _precision(run: PlainRun) -> dict[str, Any]:
    precision = run.config.model_dtype
    if precision in PLAIN_PRECISIONS:
        return {"dtype": precision}
    if precision == Precision.PREQUANTISED:
        return {"gptqmodel": True} if run.backend == HF.name else {}
    raise ConfigError(
        f"Plain lm_eval has no argument for the precision {precision!r} with this version of "
        "transformers. The command on the model's page, `evalboard evaluate …`, makes its scores again."
    )


def _thinking(config: ModelConfig, *, thinks: bool) -> dict[str, Any]:
    if not config.use_chat_template:
        return {}
    if not thinks:
        return {"enable_thinking": False}
    return {"enable_thinking": True, "think_end_token": config.think_end_token}


def _resources(run: PlainRun) -> dict[str, Any]:
    length = run.engine.get("max_length")
    arguments: dict[str, Any] = {"max_length": length} if length else {}
    if run.backend == HF.name:
        return arguments
    if run.engine.get("device") == "cpu":
        return arguments | {"enforce_eager": True, "distributed_executor_backend": "uni"}
    gpus = run.engine.get("tensor_parallel") or 1
    return arguments | ({"tensor_parallel_size": gpus} if gpus > 1 else {})
