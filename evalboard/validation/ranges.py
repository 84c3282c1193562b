"""Impossible numbers in a config, which only building the model would reveal."""

from typing import Any

from evalboard.validation.findings import quoted

LAYERS, EXPERTS, WIDTH, ROWS = 2000, 10_000, 1_000_000, 20_000_000
"""Limits of at least ten times the numbers of the largest models."""
MAX_CONFIG_VALUES = {
    "num_hidden_layers": LAYERS,
    "n_layer": LAYERS,
    "n_layers": LAYERS,
    "num_layers": LAYERS,
    "num_local_experts": EXPERTS,
    "num_experts": EXPERTS,
    "n_routed_experts": EXPERTS,
    "num_attention_heads": EXPERTS,
    "n_head": EXPERTS,
    "hidden_size": WIDTH,
    "n_embd": WIDTH,
    "d_model": WIDTH,
    "intermediate_size": 10 * WIDTH,
    "vocab_size": ROWS,
}


def out_of_range(config: dict[str, Any]) -> str:
    """Return the problem of a number out of range in a config or its parts, empty if none."""
    parts = [("", config), *((f"{k}.", v) for k, v in config.items() if isinstance(v, dict))]
    for prefix, part in parts:
        for key, most in MAX_CONFIG_VALUES.items():
            value = part.get(key)
            if type(value) is int and not 0 <= value <= most:
                return f"{prefix}{key} is {quoted(value)}; it must be from 0 to {most:,}"
    return ""
