from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import Write
from tests.hub.server import SmallHub


def test_a_store_is_opened_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("requests")
    assert store.address == str(tmp_path / "requests")
    monkeypatch.chdir("/")
    store.commit([Write("a", b"1")], message="from another working folder")
    assert (tmp_path / "requests" / "a").read_bytes() == b"1"


def test_a_dataset_on_the_hub_is_opened_by_its_address(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    store = open_store("hf://datasets/org/requests", settings)
    assert isinstance(store, HubStore)
    assert store.address == "hf://datasets/org/requests"
    assert not list(tmp_path.iterdir())


def test_the_settings_of_the_environment_reach_a_store_on_the_hub(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("EVALBOARD_HUB_FOLDER", str(tmp_path / "kept"))
    open_store("hf://datasets/org/requests").commit([Write("a", b"1")], message="first")
    assert hub.repo("org/requests").files() == {"a": b"1"}
    assert list((tmp_path / "kept").rglob("head.json"))


def test_a_board_that_is_offline_has_no_store_on_the_hub() -> None:
    settings = Settings.model_validate({"offline": True})
    with pytest.raises(ConfigError, match="EVALBOARD_OFFLINE"):
        open_store("hf://datasets/org/requests", settings)


@pytest.mark.parametrize(
    "address",
    ["s3://bucket/requests", "hf://org/requests", "hf://datasets/requests", "hf://datasets/a/b/c"],
)
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor"):
        open_store(address)
