"""The parts of an installation, and what to say of a missing one."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec

PROJECT = "evalboard"
_OWN = (PROJECT, "evalboard_prefect", "leaderboard_app")
_REQUIREMENT = re.compile(r"""([\w.-]+).*\bextra == ['"](\w+)['"]""")


def how_to_install(missing: ModuleNotFoundError, words: Sequence[str]) -> str:
    """Return what to install for a module that a verb needs.

    Args:
        missing: The error of the import.
        words: The command line.

    Raises:
        ModuleNotFoundError: The module is one of this project's own.
    """
    module = (missing.name or "").partition(".")[0]
    if module in _OWN or not module:
        raise missing
    verb = next((word for word in words if not word.startswith("-")), "")
    extras = ",".join(_extras_with(module)) or "pipeline,worker,viewer"
    return (
        f"`{PROJECT} {verb}` needs the Python module {module!r}, which is not installed. Install it "
        f"with: pip install '{PROJECT}[{extras}]'"
    )


def require(*modules: str) -> None:
    """Look for modules that a verb will import, before it does anything else.

    Raises:
        ModuleNotFoundError: One of them is not installed.
    """
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def _extras_with(module: str) -> list[str]:
    """Return the extras of this project that name a module's package."""
    try:
        requirements = requires(PROJECT) or []
    except PackageNotFoundError:
        return []
    found = [match.groups() for line in requirements if (match := _REQUIREMENT.match(line))]
    return sorted({extra for name, extra in found if _plain(name) == _plain(module)})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
