"""Whether an engine stays for the next model, and which one a model can take.

A process is confined for good: what it can read and write was fixed with its first model. Another
model takes only a process with the same confinement, and loads in it only if it has the same
likeness (`evalboard.engine.loading.likeness`). All this is decided by the holder.
"""

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from evalboard.engine.environment import passed_on
from evalboard.engine.loading.likeness import can_have_likeness
from evalboard.engine.placing.forking import is_served
from evalboard.engine.spec import EngineSpec


class CallRecord:
    """The calls of an engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._done: Counter[str] = Counter()

    @contextmanager
    def calling(self, method: str) -> Iterator[None]:
        """Note a call of a method, which this context does."""
        with self._lock:
            self._begun += 1
        yield
        with self._lock:
            self._done[method] += 1

    @property
    def is_spotless(self) -> bool:
        """Whether a benchmark was answered, no call failed, and none is in progress."""
        with self._lock:
            return self._done["evaluate"] > 0 and self._done.total() == self._begun


def may_stay(spec: EngineSpec) -> bool:
    """Return whether an engine may stay or follow another, by its specification and its program."""
    return is_served() and spec.settings.engine_idle_seconds > 0 and can_have_likeness(spec)


def confinement_name(spec: EngineSpec, trusted: Iterable[Path]) -> str:
    """Return a name that is the same for engines whose processes are started and confined alike.

    The versions of the libraries are those of the fork server.

    Args:
        spec: Specification of the engine.
        trusted: Folders of the operator that it reads.
    """
    content = [
        str(spec.settings.work_folder.resolve()),
        sorted(map(str, trusted)),
        spec.backend,
        spec.settings.cpu_kv_cache_gib,
        passed_on(),
        sorted(os.sched_getaffinity(0)),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def has_links(folder: Path) -> bool:
    """Return whether files in a folder are links to elsewhere, which its first model did not have."""
    return any(file.is_symlink() for file in folder.rglob("*"))
