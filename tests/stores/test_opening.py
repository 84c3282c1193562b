from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.stores.opening import open_store
from evalboard.stores.protocol import Write


def test_a_store_is_opened_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("requests")
    assert store.address == str(tmp_path / "requests")
    monkeypatch.chdir("/")
    store.commit([Write("a", b"1")], message="from another working folder")
    assert (tmp_path / "requests" / "a").read_bytes() == b"1"


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="'hf://datasets/org/requests'"):
        open_store("hf://datasets/org/requests")
