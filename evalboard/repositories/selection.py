"""The selection of files of a repository, by their names and sizes only.

Only files at the root count: libraries load models from the root, and subfolders contain other
formats of the same weights.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

SMALL_PATTERNS = (
    "*.json",
    "*.txt",
    "*.jinja",
    "*.model",
    "*.tiktoken",
    "*.spm",
    "*.md",
    "LICEN?E*",
)
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
ADAPTER_FILE = "adapter_model.safetensors"
ADAPTER_PICKLE = "adapter_model.bin"
ADAPTER_CONFIG = "adapter_config.json"
WEIGHT_PATTERN = "*.safetensors"
PICKLE_PATTERNS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
CODE_PATTERNS = ("*.py", "*.pyc", "*.so")
INDEX_PATTERN = "*.index.json"
MISTRAL_WEIGHTS = "consolidated*"
OTHER_FILES = {
    "params.json": "config.json",
    "hf_quant_config.json": "config.json",
    "tekken.json": "tokenizer.json",
}
"""Files of other layouts that vLLM reads where it finds them, each with the one that counts here."""
TEMPLATE_FOLDER = "additional_chat_templates/"
ADAPTER_PATTERN = "adapter_*"
VOCABULARY_PATTERNS = (
    "tokenizer.json",
    "*.model",
    "*.tiktoken",
    "*.spm",
    "vocab.*",
    "tekken.json",
)
"""Files of which a tokenizer needs at least one."""
TOKENIZER_PATTERNS = (
    *VOCABULARY_PATTERNS,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template.*",
)

SMALL_FILE_BYTES = 2_000_000
"""Size limit in bytes of a file that the checks fetch, except tokenizers."""
TOKENIZER_FILE_BYTES = 60_000_000
"""Size limit in bytes of a tokenizer file. The largest known ones have about 35 MB."""
SMALL_FILES_BYTES = 120_000_000
"""Size limit in bytes of all these files together."""
NEEDED_FILES = ("config.json", "README.md", ADAPTER_CONFIG)
"""Files that the checks need, in addition to those of the tokenizer."""


def small_files(files: Mapping[str, int]) -> list[str]:
    """Return the files of config, tokenizer, templates and card, within the size limits.

    The smallest come first, so a huge file does not displace others.
    """
    others = set(other_layout(files))
    wanted = [
        path
        for path, size in files.items()
        if _is_small(path) and size <= _most(path) and path not in others
    ]
    chosen: list[str] = []
    total = 0
    for path in sorted(wanted, key=lambda path: (files[path], path)):
        total += files[path]
        if total > SMALL_FILES_BYTES:
            break
        chosen.append(path)
    return chosen


def oversized_files(files: Mapping[str, int]) -> dict[str, int]:
    """Return needed files that are too large, with the allowed size in bytes."""
    needed = (path for path in files if path in NEEDED_FILES or is_tokenizer_file(path))
    return {path: _most(path) for path in needed if _is_small(path) and files[path] > _most(path)}


def weight_files(files: Iterable[str]) -> list[str]:
    """Return the safetensors files, without a second copy in another layout."""
    found = sorted(p for p in files if "/" not in p and fnmatchcase(p, WEIGHT_PATTERN))
    plain = [path for path in found if not fnmatchcase(path, MISTRAL_WEIGHTS)]
    return plain or found


def other_layout(files: Iterable[str]) -> list[str]:
    """Return the files of other layouts, such as Mistral's own, beside those of the usual one.

    vLLM takes them where it finds them, so a folder for loading must not contain them.
    """
    names = {path for path in files if "/" not in path}
    used = set(weight_files(names))
    weights = {name for name in names if fnmatchcase(name, MISTRAL_WEIGHTS)} if used else set[str]()
    small = {name for name, usual in OTHER_FILES.items() if {name, usual} <= names}
    return sorted(weights - used | small)


def loadable_files(files: Mapping[str, int]) -> list[str]:
    """Return all files that loading the model needs. Nothing else is loaded.

    The only index in it is that of the safetensors files: libraries prefer others.
    """
    index = [INDEX_FILE] if INDEX_FILE in files else []
    return sorted({*small_files(files), *index, *weight_files(files)})


def pickles(files: Iterable[str]) -> list[str]:
    """Return the files at the root with pickled weights."""
    return sorted(path for path in files if "/" not in path and _matches(path, PICKLE_PATTERNS))


def has_vocabulary(files: Iterable[str]) -> bool:
    """Return whether there is a tokenizer at the root."""
    return any("/" not in path and _matches(path, VOCABULARY_PATTERNS) for path in files)


def is_tokenizer_file(path: str) -> bool:
    """Return whether a file belongs to the tokenizer or its chat templates."""
    return path.startswith(TEMPLATE_FOLDER) or _matches(path, TOKENIZER_PATTERNS)


def is_adapter_file(path: str) -> bool:
    """Return whether a file at the root belongs to an adapter, by the names that peft uses."""
    return "/" not in path and fnmatchcase(path, ADAPTER_PATTERN)


def _most(path: str) -> int:
    """Return the size limit of a file in bytes."""
    return TOKENIZER_FILE_BYTES if is_tokenizer_file(path) else SMALL_FILE_BYTES


def _is_small(path: str) -> bool:
    if path.startswith(TEMPLATE_FOLDER):
        return path.count("/") == 1 and path.endswith(".jinja")
    return (
        "/" not in path and _matches(path, SMALL_PATTERNS) and not fnmatchcase(path, INDEX_PATTERN)
    )


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path.rsplit("/", 1)[-1], pattern) for pattern in patterns)
