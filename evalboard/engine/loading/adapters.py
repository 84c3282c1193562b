"""Apply a LoRA adapter to its base model with peft, and refuse one that does not fit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalboard.engine.loading.failures import some
from evalboard.engine.loading.pretrained import load_pretrained
from evalboard.errors import LoadFailed
from evalboard.repositories.selection import ADAPTER_FILE

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

PEFT_COPY = re.compile(r"\.(modules_to_save|original_module)\.")
"""Alternative names under which peft saves a fully trained embedding."""


def merge_adapter(base: Path, adapter: Path, into: Path, *, number_type: str) -> None:
    """Merge the adapter into the base, and write the result as an ordinary model.

    This runs on the CPU, whose memory must fit the base. The sum is computed in float32 and rounded
    once to the number type.

    Args:
        base: Weights and config of the base, with the tokenizer of the adapter.
        adapter: The adapter's folder.
        into: Folder to write weights and config to.
        number_type: Name of a torch dtype, such as `bfloat16`.

    Raises:
        LoadFailed: The adapter does not fit the base, or one of them is incomplete.
    """
    from transformers import GenerationConfig

    model = load_pretrained(base, dtype=number_type)
    was_tied = getattr(model.config.get_text_config(), "tie_word_embeddings", False)
    changed = put_adapter(model, adapter, base, device="cpu")
    _separate_tied(changed)
    merged: Any = changed.merge_and_unload()
    if was_tied:
        _tie_again(merged)
    # transformers refuses to save a model whose generation settings contradict each other, and
    # those of the base have no part in this.
    merged.generation_config = GenerationConfig()
    merged.save_pretrained(str(into))


def _separate_tied(model: "PeftModel") -> None:
    """Copy shared tensors: merging into one must not change the other."""
    from torch.nn import Parameter

    seen: set[int] = set()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            if id(parameter) in seen:
                setattr(module, name, Parameter(parameter.detach().clone(), requires_grad=False))
            seen.add(id(parameter))


def _tie_again(model: Any) -> None:
    """Tie embedding and output layer if they are still equal; otherwise mark them as untied."""
    import torch

    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    same = torch.equal(embedding.weight, output.weight)
    if same:
        output.weight = embedding.weight
    model.config.get_text_config().tie_word_embeddings = same
    model.config.tie_word_embeddings = same


def put_adapter(
    model: "PreTrainedModel", adapter: Path, tokenizer: Path, *, device: str
) -> "PeftModel":
    """Apply an adapter to a loaded model.

    peft leaves missing tensors random and drops surplus ones, at most with a warning. Here both are
    errors.

    Args:
        model: The base, which is changed in place.
        adapter: The adapter's folder.
        tokenizer: Folder with the tokenizer of the adapter.
        device: Device of the model.

    Raises:
        LoadFailed: The adapter does not fit the base.
    """
    from peft import PeftConfig, PeftModel

    _fit_vocabulary(model, adapter, tokenizer)
    config = PeftConfig.from_pretrained(str(adapter))
    config.inference_mode = True
    changed = PeftModel(model, config)
    names = getattr(model, "_checkpoint_conversion_mapping", {})
    result = changed.load_adapter(str(adapter), "default", torch_device=device, key_mapping=names)
    more = [key for key in result.unexpected_keys if not PEFT_COPY.search(key)]
    for what, keys in (("lacks", result.missing_keys), ("has", more)):
        if keys:
            raise LoadFailed(
                f"Bad weights: the adapter {what} {some(keys)}, contrary to its config and its "
                "base model. Save the adapter with peft's `save_pretrained`, and name the base "
                "model of its training."
            )
    return changed.eval()


def _fit_vocabulary(model: "PreTrainedModel", adapter: Path, tokenizer: Path) -> None:
    """Resize the embedding to the number of rows in the adapter's training.

    An adapter for a changed vocabulary contains full embeddings, and peft refuses another size.
    """
    from transformers import AutoTokenizer

    embedding: Any = model.get_input_embeddings()
    rows: int = embedding.weight.shape[0]
    wanted = next(_saved_rows(model, adapter), rows)
    if wanted != rows:
        model.resize_token_embeddings(wanted, mean_resizing=False)
    vocabulary = AutoTokenizer.from_pretrained(str(tokenizer), trust_remote_code=False).get_vocab()
    needed = max(vocabulary.values(), default=-1) + 1
    if needed > wanted:
        raise LoadFailed(
            f"Bad weights: the tokenizer has token ids up to {needed - 1:,}, but model and adapter "
            f"have only {wanted:,} embeddings. Save the adapter with `save_embedding_layers=True`."
        )


def _saved_rows(model: "PreTrainedModel", adapter: Path) -> Iterator[int]:
    """Yield the rows of each full embedding or output layer in an adapter."""
    from safetensors import safe_open

    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    names = [name for name, module in model.named_modules() if any(module is x for x in layers)]
    with safe_open(adapter / ADAPTER_FILE, framework="pt") as file:
        for key in file.keys():
            if any(f".{name}." in key for name in names) and "lora_" not in key:
                yield file.get_slice(key).get_shape()[0]
