"""A poll over a large queue on the Hub, by the number of calls."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from evalboard import publishing
from evalboard.intake import polling
from evalboard.records.request import RequestRecord
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store
from evalboard.stores.hub import snapshot
from evalboard.stores.hub.dataset import HubFile
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import blob_id
from evalboard.stores.requests import sign
from tests.hub.repository import HubRepo
from tests.hub.server import Quota, SmallHub
from tests.signing import SECRET, known_keys
from tests.soak.scenario import HUB_NAMES, SUITE, records

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
REQUESTS = records(10_000)
KEY = known_keys().obtain()


def signed(requests: list[RequestRecord]) -> dict[str, bytes]:
    """Return requests as files that the installation of these tests has written."""
    return {record.path: sign(record.path, record, KEY) for record in requests}


@pytest.fixture
def repo(hub: SmallHub) -> HubRepo:
    for name in HUB_NAMES.values():
        hub.create(name)
    return hub.repo(HUB_NAMES["requests"])


@pytest.fixture
def settings(hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(publishing, "HOSTED_SECONDS", 0.0)
    stores = {name: f"hf://datasets/{repo}" for name, repo in HUB_NAMES.items()}
    places = {"home": tmp_path / "home", "hub_folder": tmp_path / "machine"}
    known = {"hub_endpoint": hub.address, "hf_token": "secret", "suite": SUITE, "max_running": 1}
    known["signing_key"] = SECRET
    return Settings.model_validate(stores | places | known)


def read_before(settings: Settings, contents: Iterable[bytes]) -> None:
    """Let the machine know contents as if it had read them."""
    store = open_store(settings.store_address("requests"), settings)
    assert isinstance(store, HubStore)
    with store._cache.keeping() as keep:
        for content in contents:
            keep(HubFile(blob_id(content), len(content)), content)


def poll(settings: Settings) -> list[str]:
    """Do what `flows.poll_flow` asks the Hub for; return the requests that wait."""
    found = polling.view_queue(settings, now=NOW).paths
    publishing.publish_queue(settings)
    return found


def test_a_first_look_keeps_within_the_windows_of_the_hub(
    hub: SmallHub, repo: HubRepo, settings: Settings
) -> None:
    count = 450
    repo.commit(signed(REQUESTS[:count]))
    kinds = ("resolve", "tree", "info", "paths-info", "commits")
    hub.quotas |= dict.fromkeys(kinds, Quota(150, 1.0))
    assert len(poll(settings)) == count
    assert hub.calls["resolve"] == count
    assert {status for _, status in hub.answers} == {200}


@pytest.mark.slow
def test_of_ten_thousand_requests_a_poll_asks_for_those_that_changed(
    hub: SmallHub, repo: HubRepo, settings: Settings
) -> None:
    contents = signed(REQUESTS)
    repo.commit(contents)
    read_before(settings, contents.values())
    assert len(poll(settings)) == 10_000
    assert hub.calls["resolve"] == 0

    changed = [r.model_copy(update={"sender": "another"}) for r in REQUESTS[:10]]
    repo.commit(signed(changed))
    hub.calls.clear()
    assert len(poll(settings)) == 10_000
    assert (hub.calls["resolve"], hub.calls["commit"]) == (10, 1)
    assert hub.calls.total() <= 30, hub.calls


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_first_look_shows_how_far_it_is_on_a_terminal(
    is_terminal: bool, repo: HubRepo, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=is_terminal)
    monkeypatch.setattr(snapshot, "Console", lambda **_: console)
    repo.commit({f"{number}.json": b"%d" % number for number in range(snapshot.SHOWN_FROM)})
    look = open_store(settings.store_address("requests"), settings).snapshot()
    assert len(dict(look.read_many(look.files))) == snapshot.SHOWN_FROM
    assert ("100%" in screen.getvalue()) == is_terminal
