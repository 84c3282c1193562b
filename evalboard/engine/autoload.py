"""Load the config or the tokenizer of a repository, as a program: `autoload {part} {folder}`.

Run by `evalboard.validation.autoclasses` in a process of its own, because the files are hostile.
One line of JSON goes to standard output: what was loaded, or the error that loading ended with.
A process that writes no line failed for a reason of its own.
"""

import json
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

LONGEST_MESSAGE = 2000
MOST_ARCHITECTURES = 8


def load_config(folder: str) -> dict[str, Any]:
    """Return what a config says about its model, and whether transformers knows its type."""
    from transformers import AutoConfig, PreTrainedConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    content, _ = PreTrainedConfig.get_config_dict(folder, local_files_only=True)
    # Without this, AutoConfig guesses the type from the folder's name.
    if content.get("model_type") not in CONFIG_MAPPING:
        return {"known": False}
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    text = config.get_text_config()
    return {
        "known": True,
        "architectures": (config.architectures or [])[:MOST_ARCHITECTURES],
        "vocab_size": getattr(text, "vocab_size", None),
        "max_length": getattr(text, "max_position_embeddings", None),
    }


def load_tokenizer(folder: str) -> dict[str, Any]:
    """Return how many rows of an embedding a tokenizer's tokens need."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    return {"size": max(tokenizer.get_vocab().values(), default=-1) + 1}


PARTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "config": load_config,
    "tokenizer": load_tokenizer,
}


def main(part: str, folder: str) -> None:
    """Load one part of a repository and write the answer."""
    load = PARTS[part]
    # Neither part needs torch, and transformers is imported in 1.5 s instead of 7 without it.
    sys.modules["torch"] = None  # pyright: ignore[reportArgumentType]
    import transformers

    transformers.logging.set_verbosity_error()
    sys.excepthook = _answer_error
    _answer({"loaded": load(folder)})


def _answer_error(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    _answer({"error": kind.__name__, "message": str(error)[:LONGEST_MESSAGE]})


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
