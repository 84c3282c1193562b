"""Git LFS pointers in the place of the files that loading needs."""

from tests.validation.corpus.case import Case
from tests.validation.corpus.loading import written

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5065344\n"
CASES = tuple(
    Case(f"pointer for {name}", "lfs_pointer", written(name, POINTER), name)
    for name in ("model.safetensors", "tokenizer.json", "config.json", "README.md")
)
