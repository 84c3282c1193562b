"""A model that passes the checks of a machine with the viewer alone."""

import json
from pathlib import Path

CARD = """---
license: apache-2.0
---
# A tiny model

Made to test the form of a leaderboard. It was trained on nothing, it knows nothing, and it is of no
use for anything else than to pass the checks that need no weights to be loaded. Its only purpose is
to be submitted, and then to wait in a queue that nobody reads.
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "vocab_size": 8,
    "hidden_size": 4,
    "intermediate_size": 8,
    "num_hidden_layers": 0,
    "num_attention_heads": 1,
}


def write_model(folder: Path) -> Path:
    """Write the model into a folder, and return it."""
    folder.mkdir(parents=True)
    tensor = {"dtype": "BF16", "shape": [8, 4], "data_offsets": [0, 64]}
    header = json.dumps({"model.embed_tokens.weight": tensor}).encode()
    (folder / "model.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes(64)
    )
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder
