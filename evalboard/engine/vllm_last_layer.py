"""The last layer's feed-forward network, computed only for the needed positions, in vLLM on a CPU.

A layer computes keys and values of every position of a prompt for those that come later, and passes
every position on to the next layer. After the last layer there is none: what its feed-forward network
makes of a position goes to the output head alone, which looks at the last position of a prompt, and
at the others only where a request asks for the log-probabilities of its prompt. That network is three
quarters of a Llama's layer, so a model of n layers is spared 0.75 / n of its matrix products.

A model that is compiled or captured in graphs, as vLLM does on a GPU, cannot choose its rows by what
is asked; there nothing is changed.
"""

from typing import Any

import torch
from vllm.forward_context import get_forward_context
from vllm.model_executor.layers.attention import Attention
from vllm.v1.attention.backends.cpu_attn import CPUAttentionMetadata

FEED_FORWARD = ("mlp", "block_sparse_moe")
"""Names in vLLM's models. Models with other names are not changed."""


def skip_unread_rows(worker: Any) -> None:
    """Limit a model's last feed-forward network to the needed positions.

    Numbers change at most by rounding. Models with another structure are not changed.

    Args:
        worker: vLLM's worker on a CPU, with a loaded model that runs eagerly.
    """
    runner = worker.model_runner
    stateful = runner.compilation_config.static_forward_context
    attentions = [name for name, part in stateful.items() if isinstance(part, Attention)]
    if runner.lora_config or not attentions:
        return
    network = _network_beside(attentions[-1], dict(runner.model.named_modules()))
    if network is not None:
        _restrict(network, attentions[-1], runner)


def _network_beside(attention: str, modules: dict[str, torch.nn.Module]) -> torch.nn.Module | None:
    """Return the feed-forward network in the layer of an attention if it is the last layer."""
    path = attention.split(".")
    while path and not path[-1].isdecimal():
        path.pop()
    layers = modules.get(".".join(path[:-1]))
    if not isinstance(layers, torch.nn.ModuleList) or int(path[-1]) != len(layers) - 1:
        return None
    named = (modules.get(".".join([*path, name])) for name in FEED_FORWARD)
    return next(filter(None, named), None)


def _restrict(network: torch.nn.Module, attention: str, runner: Any) -> None:
    """Make a network compute the needed rows and return zeros for the others."""
    whole = network.forward

    def forward(hidden: torch.Tensor, *others: Any, **named: Any) -> Any:
        rows = None if others or named or hidden.dim() != 2 else _read_rows(attention, runner)
        if rows is None or len(rows) >= len(hidden):
            return whole(hidden, *others, **named)
        made = whole(hidden[rows])
        if not isinstance(made, torch.Tensor):  # Falcon's returns its bias beside it
            return whole(hidden)
        return torch.zeros_like(hidden).index_copy_(0, rows, made)

    network.forward = forward


def _read_rows(attention: str, runner: Any) -> torch.Tensor | None:
    """Return the last position of each prompt in the batch, None if more are needed."""
    batch = get_forward_context().attn_metadata
    if runner.num_prompt_logprobs or not isinstance(batch, dict):
        return None
    metadata = batch[attention]
    assert isinstance(metadata, CPUAttentionMetadata)
    return metadata.query_start_loc[1:].long() - 1
