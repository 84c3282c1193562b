"""Every kind of store, for the tests of what all stores promise."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Store


@pytest.fixture(params=["local"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Open one and the same store, once for each process that one wants to play."""
    match request.param:
        case "local":
            return lambda: LocalStore(tmp_path / "store")
        case kind:
            raise AssertionError(f"no store of kind {kind!r}")


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    """A store that is empty."""
    return open_again()


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    """A store in the folder `store`."""
    return LocalStore(tmp_path / "store")
