"""Folders that appear only when they are whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `folder` only when nothing failed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        draft = Path(place) / "draft"
        draft.mkdir()
        yield draft
        draft.rename(folder)
