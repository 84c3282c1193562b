"""The small files of a model that stands on a base: an adapter or a delta."""

from pathlib import Path

from evalboard.repositories.copying import copy_files
from evalboard.repositories.selection import has_vocabulary, is_adapter_file, is_tokenizer_file


def compose_small_files(own: Path, base: Path, into: Path, *, own_config: bool) -> Path:
    """Copy config, tokenizer and templates of a model and its base into a folder, and return it.

    The tokenizer with its templates comes whole from one of the two, the model's own where it has
    a vocabulary: mixed, the parts of two tokenizers would make a third.

    Args:
        own: Small files of the model's repository.
        base: Small files of its base's.
        into: Folder to copy to.
        own_config: Whether the config is the model's own. Never for an adapter: the config that
            may lie in its repository is that of no weights there.
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
