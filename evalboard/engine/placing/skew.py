"""The versions on the machines of a cluster: an engine starts only where they are those of its run.

Another version of a library gives other scores, under another key. Ray compares its own version and
Python's.
"""

from importlib.metadata import PackageNotFoundError, version

from evalboard import __version__
from evalboard.backends import find_backend
from evalboard.errors import MachineUnfit

LIBRARIES = ("lm_eval", "transformers", "torch")


def versions_here(backend: str) -> dict[str, str]:
    """Return the versions on this machine that change the scores of a backend."""
    found = {"evalboard": __version__}
    for name in (find_backend(backend).distribution, *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def require_same(here: dict[str, str], there: dict[str, str], machine: str) -> None:
    """Make sure that a machine has the versions of the run.

    Args:
        here: Versions on the machine of the run.
        there: Those on the engine's machine.
        machine: Name of the engine's machine.

    Raises:
        MachineUnfit: A version differs.
    """
    found = [
        f"{name} {there.get(name, 'none')} instead of {wanted}"
        for name, wanted in here.items()
        if there.get(name) != wanted
    ]
    if found:
        raise MachineUnfit(
            f"Machine {machine!r} of the cluster has {', '.join(found)}. No engine starts there: "
            "its scores would differ. Install the same versions on all machines."
        )
