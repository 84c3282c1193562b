import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from evalboard.errors import StoreError
from evalboard.repositories.searching import (
    models_in_mirror,
    models_on_hub,
    owner_of_token,
    similar_models,
)
from evalboard.settings import Settings
from tests.hub.searching import MODELS, SearchingHub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchingHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    server = SearchingHub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(hub: SearchingHub, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "home": tmp_path,
            "hub_endpoint": f"http://127.0.0.1:{hub.server_port}",
            "hf_token": "hf_of_the_board",
            "models": tmp_path / "models",
        }
    )


def test_the_hub_is_searched_without_the_boards_token(
    hub: SearchingHub, settings: Settings
) -> None:
    assert models_on_hub("llama", settings, limit=10) == MODELS[:3]
    ((path, authorization),) = hub.asked
    assert "search=llama" in path
    assert authorization is None


def test_a_token_belongs_to_somebody_or_to_nobody(settings: Settings) -> None:
    assert owner_of_token("hf_good", settings) == "alice"
    assert owner_of_token("hf_bad", settings) is None


def test_a_hub_that_does_not_answer_is_told_from_an_empty_one(
    hub: SearchingHub, settings: Settings
) -> None:
    hub.fails = True
    with pytest.raises(StoreError, match="Try again later"):
        models_on_hub("llama", settings, limit=10)
    with pytest.raises(StoreError, match="Try again later"):
        owner_of_token("hf_good", settings)


def test_the_mirror_is_searched_whatever_the_case(settings: Settings, tmp_path: Path) -> None:
    for name in ("org/Llama", "org/other", "org/.hidden-llama"):
        (tmp_path / "models" / name).mkdir(parents=True)
    assert models_in_mirror("LLAMA", settings, limit=5) == ["org/Llama"]
    assert models_in_mirror("o", settings, limit=1) == ["org/Llama"]


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("org/lama-large", ["org/llama-large"]),
        ("org/llama-lrage", ["org/llama-large"]),
        ("others/llama", ["other/llama"]),
        ("llama", ["other/llama"]),
        ("org/trianed", ["org/trained"]),
        ("org/something-else", []),
    ],
)
def test_a_mistyped_name_leads_to_those_that_exist(
    settings: Settings, tmp_path: Path, mistyped: str, meant: list[str]
) -> None:
    (tmp_path / "models" / "org" / "trained").mkdir(parents=True)
    assert similar_models(mistyped, settings)[: len(meant) or None] == meant


def test_a_hub_that_does_not_answer_knows_no_similar_names(
    hub: SearchingHub, settings: Settings, tmp_path: Path
) -> None:
    hub.fails = True
    (tmp_path / "models" / "org" / "trained").mkdir(parents=True)
    assert similar_models("org/trianed", settings) == ["org/trained"]
    assert similar_models("org/lama-large", settings) == []
