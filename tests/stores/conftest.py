"""Every kind of store, for the tests of what all stores promise."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.store import HubStore
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Store
from tests.hub.server import SmallHub, running_hub

PLENTY = 10**6


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A Hub that the client may ask, without Xet."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with running_hub() as server:
        yield server
        close_session()


@pytest.fixture
def open_hub(hub: SmallHub, tmp_path: Path) -> Callable[..., HubStore]:
    """Open `org/requests` on the Hub, as another machine where another one is named."""

    def do(
        *,
        machine: str = "one",
        token: str | None = "secret",
        commits_per_hour: int = PLENTY,
        patience: float = 600.0,
    ) -> HubStore:
        dataset = HubDataset("org/requests", endpoint=hub.address, token=token, timeout=60.0)
        return HubStore(
            dataset, tmp_path / machine, commits_per_hour=commits_per_hour, patience=patience
        )

    return do


@pytest.fixture(params=["local", "hub"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Open one and the same store, once for each process that one wants to play."""
    match request.param:
        case "local":
            return lambda: LocalStore(tmp_path / "store")
        case "hub":
            return request.getfixturevalue("open_hub")
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
