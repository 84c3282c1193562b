"""Find lm_eval's definition of a task.

lm_eval ships some 14,000 task files, and its own index parses all of them, which takes eight
seconds on two cores. A suite needs a few: a search for the line `task: {name}` in the files takes a
third of a second, and lm_eval then indexes only their folders.
"""

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml  # pinned; there is no public way to one file

from evalboard.errors import ConfigError

SHIPPED = Path(str(resources.files("lm_eval"))) / "tasks"


def task_manager(names: Iterable[str], *, own: Path | None) -> TaskManager:
    """Return an lm_eval task manager that knows at least these tasks.

    Args:
        names: lm_eval's task names.
        own: Folder with further definitions, which take precedence over lm_eval's.

    Raises:
        ConfigError: Neither lm_eval nor the folder defines one of them.
    """
    roots = [own, SHIPPED] if own else [SHIPPED]
    wanted = set(names)
    files = find_definitions(wanted, roots)
    if unknown := sorted(wanted - files.keys()):
        raise ConfigError(
            f"lm_eval has no task {unknown[0]!r}. Run `lm-eval ls tasks` and correct the suite."
        )
    # Where two folders define a task, lm_eval takes the later one's.
    falling = sorted({path.parent for path in files.values()}, reverse=True)
    folders: list[str | Path] = [
        *(folder for folder in falling if own is None or not folder.is_relative_to(own)),
        *(folder for folder in falling if own is not None and folder.is_relative_to(own)),
    ]
    return TaskManager(include_path=folders, include_defaults=False)


def find_definitions(names: set[str], roots: Iterable[Path]) -> dict[str, Path]:
    """Return the file of each task that one of the folders defines; earlier folders precede."""
    files: dict[str, Path] = {}
    for root in roots:
        for name, path in _find(names - files.keys(), root).items():
            files.setdefault(name, path)
    return files


def named_in(roots: Iterable[Path], kind: Literal["task", "group"]) -> list[str]:
    """Return the names of all tasks or groups that the folders define."""
    line = re.compile(rf"^[\"']?{kind}[\"']?\s*:\s*[\"']?([\w.:-]+)[\"']?\s*$", re.MULTILINE)
    texts = (
        path.read_text(encoding="utf-8", errors="replace")
        for root in roots
        for path in root.rglob("*.yaml")
    )
    return sorted({name for text in texts for name in line.findall(text)})


def definition(manager: TaskManager, name: str, *, with_functions: bool = False) -> dict[str, Any]:
    """Return a task's definition from its file as it is now.

    Args:
        manager: A manager that knows the task.
        name: lm_eval's name of it.
        with_functions: Import the functions that it names. Otherwise their names are returned.
    """
    path = manager.task_index[name].yaml_path
    return load_yaml(path, resolve_func=with_functions) if path else {}


def _find(names: set[str], root: Path) -> dict[str, Path]:
    """Return the file that defines each task. Of several the first path counts, as in lm_eval."""
    if not names:
        return {}
    alternatives = "|".join(re.escape(name) for name in names)
    line = re.compile(rf"^[\"']?task[\"']?\s*:\s*[\"']?({alternatives})[\"']?\s*$", re.MULTILINE)
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*.yaml")):
        if match := line.search(path.read_text(encoding="utf-8", errors="replace")):
            found.setdefault(match[1], path)
    return found
