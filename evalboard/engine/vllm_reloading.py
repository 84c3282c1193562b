"""Other weights in place of those of a loaded model of the same likeness, in vLLM.

vLLM's layerwise reload keeps a layer's old values where it finds no new ones, and only logs it: a score
would then be that of the model before. Here every number of every parameter is proved to be loaded,
by vLLM's counters before its reload resets them: a layer is done when it has received as many numbers
as it has. The names, shapes and types of the tensors are those of the first load
(`evalboard.engine.loading.likeness`), so each number goes where it went then.

A failure leaves the model half replaced: the process must end.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn
from vllm import LLM
from vllm.config import set_current_vllm_config
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding
from vllm.model_executor.model_loader import get_model_loader
from vllm.model_executor.model_loader.reload.layerwise import (
    finalize_layerwise_reload,
    get_layerwise_info,
    initialize_layerwise_reload,
)

from evalboard.errors import LoadFailed

NAMED = 3
"""Number of names in a message."""


def replace_weights(llm: LLM, folder: str) -> None:
    """Load the weights of a folder into a loaded model, which has no request.

    Call it in the thread of the engine.

    Args:
        llm: The engine.
        folder: Full weights and config of a model of the same likeness.

    Raises:
        LoadFailed: Numbers were not loaded, or numbers of the model before are still cached.
    """
    llm.collective_rpc(_replace, args=(folder,))
    if not llm.reset_prefix_cache():
        raise LoadFailed("The prefix cache could not be emptied.")


def _replace(worker: Any, folder: str) -> None:
    model, config = worker.model_runner.get_model(), worker.vllm_config
    expected = {name for name, _ in model.named_parameters()}
    config.model_config.model = folder
    with set_current_vllm_config(config):
        _declare_padding(model)
        initialize_layerwise_reload(model)
        loader: Any = get_model_loader(config.load_config)
        loaded = model.load_weights(loader.get_all_weights(config.model_config, model))
        _require_whole(model, expected - set(loaded or ()))
        finalize_layerwise_reload(model, config.model_config)


def _declare_padding(model: nn.Module) -> None:
    """Let vLLM count only those rows of embeddings that checkpoints have. It pads them with zeros."""
    for layer in model.modules():
        if not isinstance(layer, VocabParallelEmbedding):
            continue
        rows = layer.shard_indices.org_vocab_end_index - layer.shard_indices.org_vocab_start_index
        parameters, _ = get_layerwise_info(layer).restore_metadata
        for parameter in parameters.values():
            if getattr(parameter, "output_dim", None) == 0:
                marked: Any = parameter
                marked.weight_loader_numel = rows * parameter[0].numel()


def _require_whole(model: nn.Module, missing: set[str]) -> None:
    unproved = [*sorted(missing), *_unfinished(model)]
    if unproved:
        raise LoadFailed(
            f"It is not proved that all new weights were loaded: {len(unproved)} parts, first "
            f"{', '.join(unproved[:NAMED])}."
        )


def _unfinished(model: nn.Module) -> Iterator[str]:
    """Yield the layers with parameters of their own that have not received all their numbers.

    Buffers alone, such as tables of rotary positions, are made from the config.
    """
    for name, layer in model.named_modules():
        info = get_layerwise_info(layer)
        has_own = any(True for _ in layer.parameters(recurse=False))
        if info.can_load() and (has_own or info.load_numel):
            yield name
