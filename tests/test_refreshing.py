"""What the small Hub says of the models of a board, day by day."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from evalboard.publishing import publish_board
from evalboard.records.hub_state import HubState
from evalboard.records.notice import Notice, NoticeKind
from evalboard.refreshing import MOST_FAILURES, Refreshed, refresh_models
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_hub_states, open_notices
from evalboard.stores.board import read_board
from tests.hub.faults import Fault
from tests.hub.server import SmallHub, running_hub
from tests.result_documents import result_document

REFUSED = Fault(status=403)
"""An answer that says nothing of the model, and that the client does not wait for."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with running_hub() as server:
        yield server
        close_session()


@pytest.fixture
def settings(hub: SmallHub, tmp_path: Path) -> Settings:
    """A board with results of `org/kept`, `org/lost` and, from a folder elsewhere, `test/folder`."""
    settings = Settings.model_validate({"home": tmp_path, "hub_endpoint": hub.address})
    for model in ("org/kept", "org/lost", "test/folder"):
        scores = {"medmcqa": {"acc,none": 0.5}}
        open_archive(settings).add(result_document(scores, config={"model_name": model}), {})
    for model in ("org/kept", "org/lost"):
        hub.create(model, kind="models", private=False)
    hub.repo("org/kept", "models").likes = 5
    return settings


def refresh(settings: Settings, day: int) -> Refreshed:
    found = refresh_models(settings, now=datetime(2026, 12, day, tzinfo=UTC))
    assert found is not None
    return found


def rows(settings: Settings) -> dict[str, tuple[float, list[str]]]:
    """Return the hearts and flags on the board, by model; -1 for unknown hearts."""
    publish_board(settings, now=datetime(2026, 12, 9, tzinfo=UTC))
    frame = read_board(open_board(settings)).frame.fillna({"likes": -1})
    return {row["model"]: (row["likes"], list(row["flags"])) for row in frame.to_dict("records")}


def test_hearts_are_on_the_board_and_an_unchanged_hub_changes_nothing(
    hub: SmallHub, settings: Settings
) -> None:
    found = refresh(settings, 1)
    assert (found.asked, found.unanswered, found.gone, found.changed) == (3, (), (), True)
    assert rows(settings) == {
        "org/kept": (5, []),
        "org/lost": (0, []),
        "test/folder": (-1, []),  # the Hub has never had it, so it cannot be gone
    }
    assert not refresh(settings, 2).changed
    hub.repo("org/kept", "models").likes = 6
    assert refresh(settings, 3).changed
    assert rows(settings)["org/kept"] == (6, [])


def test_a_model_that_is_gone_is_marked_until_it_is_found_again(
    hub: SmallHub, settings: Settings
) -> None:
    refresh(settings, 1)
    lost = hub.repos.pop(("models", "org/lost"))
    assert refresh(settings, 2).gone == ("org/lost",)
    assert refresh(settings, 3).gone == ()
    assert rows(settings)["org/lost"] == (0, ["not_on_hub"])
    (notice,) = read_board(open_board(settings)).meta.notices
    assert (notice.model, notice.time[:10]) == ("org/lost", "2026-12-02")
    hub.repos["models", "org/lost"] = lost
    assert refresh(settings, 4).found_again == ("org/lost",)
    assert rows(settings)["org/lost"] == (0, [])
    lost.private = True
    assert refresh(settings, 5).gone == ("org/lost",)


def test_without_an_answer_what_is_known_stays(hub: SmallHub, settings: Settings) -> None:
    refresh(settings, 1)
    before = open_hub_states(settings).read()
    hub.repo("org/kept", "models").likes = 6
    hub.faults.next("info", REFUSED, times=MOST_FAILURES)
    found = refresh(settings, 2)
    assert (len(found.unanswered), found.gone, found.changed) == (3, (), False)
    assert open_hub_states(settings).read() == before


def test_a_hub_that_is_silent_is_soon_not_asked(hub: SmallHub, settings: Settings) -> None:
    other = {"model_name": "test/last"}
    open_archive(settings).add(result_document({"medmcqa": {"acc,none": 0.5}}, config=other), {})
    hub.faults.next("info", REFUSED, times=9)
    assert refresh(settings, 1).unanswered == ("org/kept", "org/lost", "test/folder", "test/last")
    assert hub.calls["info"] == MOST_FAILURES


def test_a_renamed_model_is_asked_about_by_its_new_name(hub: SmallHub, settings: Settings) -> None:
    refresh(settings, 1)
    hub.repos["models", "lab/new"] = hub.repos.pop(("models", "org/kept"))
    renamed = Notice(model="org/kept", kind=NoticeKind.RENAMED, new_name="lab/new")
    open_notices(settings).change(lambda _: [renamed], message="renamed")
    assert refresh(settings, 2).gone == ()
    assert rows(settings)["lab/new"] == (5, [])
    assert {state.model for state in open_hub_states(settings).read()} == {"lab/new", "org/lost"}


def test_offline_and_models_in_folders_are_not_asked_about(
    hub: SmallHub, settings: Settings, tmp_path: Path
) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert refresh_models(settings.model_copy(update={"offline": True}), now=now) is None
    assert hub.calls["info"] == 0
    (tmp_path / "models" / "org" / "kept").mkdir(parents=True)
    with_folder = settings.model_copy(update={"models": tmp_path / "models"})
    assert refresh(with_folder, 1).asked == 2


def test_what_was_kept_is_read_as_it_was(settings: Settings) -> None:
    states = (
        HubState(model="org/kept", likes=0),
        HubState(model="org/löst", missing_since="2026-12-01T00:00:00Z"),
    )
    assert open_hub_states(settings).change(lambda _: states, message="kept") == states
    assert open_hub_states(settings).read() == states
