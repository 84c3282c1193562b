"""The import graph of the whole code. The layers themselves are contracts in `pyproject.toml`."""

import graphlib

import grimp
import pytest

PACKAGES = ("evalboard", "evalboard_prefect", "leaderboard_app")


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count: an import that is put off is still a circle."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        order = list(graphlib.TopologicalSorter(imports).static_order())
    except graphlib.CycleError as exc:
        pytest.fail(" -> ".join(exc.args[1]))
    assert order.index("evalboard.errors") < order.index("evalboard.cli")
