"""The small files of a model with a base model: an adapter or a delta."""

from pathlib import Path

from evalboard.repositories.copying import copy_files
from evalboard.repositories.selection import has_vocabulary, is_adapter_file, is_tokenizer_file


def compose_small_files(own: Path, base: Path, into: Path, *, own_config: bool) -> Path:
    """Copy config, tokenizer and templates of a model and its base into a folder, and return it.

    The tokenizer and its templates come from one of the two: from the model if it has a vocabulary,
    otherwise from the base. Mixing the parts of two tokenizers would make a third one.

    Args:
        own: Small files of the model.
        base: Small files of its base model.
        into: Folder to copy to.
        own_config: Whether to use the model's own config. Never for an adapter: a config in its
            repository does not describe its weights.
    """
    mine, theirs = _files(own), _files(base)
    own_tokenizer = has_vocabulary(mine)

    def is_own(path: str) -> bool:
        return own_tokenizer if is_tokenizer_file(path) else own_config

    copy_files(base, [path for path in theirs if not is_own(path)], into)
    return copy_files(own, [path for path in mine if is_own(path)], into)


def _files(folder: Path) -> list[str]:
    paths = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return [path for path in paths if not is_adapter_file(path)]
