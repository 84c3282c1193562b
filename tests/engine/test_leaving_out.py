import importlib
import sys

import pytest

from evalboard.engine.leaving_out import leaving_out

LIBRARY, LOADED = "xdrlib", "json"
"""A module that nothing here imports, and one that everything does."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_library_is_missing_in_the_context_only() -> None:
    assert LIBRARY not in sys.modules
    loaded = sys.modules[LOADED]
    with leaving_out([LIBRARY, LOADED]):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(LIBRARY)
        assert importlib.import_module(LOADED) is loaded
    assert importlib.import_module(LIBRARY)
    assert sys.modules[LOADED] is loaded
