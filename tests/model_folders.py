"""A model's folder without weights, for tests that only submit."""

import json
from pathlib import Path

CARD = "---\nlicense: mit\n---\n" + "This model was made to test submissions. " * 10


def write_model(folder: Path) -> Path:
    """Write a folder that passes the checks that need no transformers, and return it."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    tensor = {"dtype": "BF16", "shape": [500, 1000], "data_offsets": [0, 1_000_000]}
    header = json.dumps({"a": tensor}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(1_000_000)
    (folder / "model.safetensors").write_bytes(content)
    return folder
