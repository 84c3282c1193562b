"""The limit for downloaded and merged models, with the Hub client's real cache in a folder."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from evalboard.errors import LoadFailed, MachineUnfit
from evalboard.repositories import find_repository
from evalboard.repositories.model_cache import GIB, cached_models, drop_unused
from evalboard.settings import Settings

from .conftest import FILES, SmallHub

SIZE = 400_000
"""Bytes of each model but the one on the Hub, which has some 300,000."""
Make = Callable[[str, float], Path]


@pytest.fixture
def downloaded(hub: SmallHub) -> Make:
    """Return a function that puts a model into the cache as the Hub's client does."""

    def make(name: str, unused_hours: float) -> Path:
        folder = Path(constants.HF_HUB_CACHE) / f"models--org--{name}"
        (folder / "blobs").mkdir(parents=True)
        (folder / "blobs" / "b").write_bytes(bytes(SIZE))
        snapshot = folder / "snapshots" / ("a" * 40)
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").symlink_to("../../blobs/b")
        then = time.time() - unused_hours * 3600
        os.utime(folder, (then, then))
        return folder

    return make


def limited(settings: Settings, bytes_of_all: int) -> Settings:
    return settings.model_copy(update={"model_cache_gib": bytes_of_all / GIB})


def download(settings: Settings) -> Path:
    return find_repository("org/model", "main", settings).weights()


def test_without_a_limit_nothing_is_deleted(downloaded: Make, hub_settings: Settings) -> None:
    old = downloaded("old", 1000)
    download(hub_settings)
    assert old.exists()


def test_the_models_unused_for_longest_make_room(downloaded: Make, hub_settings: Settings) -> None:
    oldest, older, newer = downloaded("a", 30), downloaded("b", 20), downloaded("c", 10)
    settings = limited(hub_settings, 2 * SIZE)
    weights = download(settings)
    assert (weights / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert not oldest.exists()
    assert not older.exists()
    assert newer.exists()
    assert [model.name for model in cached_models(settings)] == ["org/c", "org/model"]
    download(settings)  # nothing is missing, so nothing goes
    assert newer.exists()


def test_a_model_that_is_used_again_is_no_longer_the_oldest(
    downloaded: Make, hub_settings: Settings
) -> None:
    download(hub_settings)
    folder = Path(constants.HF_HUB_CACHE) / "models--org--model"
    os.utime(folder, (0, 0))
    downloaded("a", 10)
    download(hub_settings)
    assert [model.name for model in cached_models(hub_settings)] == ["org/a", "org/model"]


def test_what_engines_see_or_are_about_to_see_stays(
    downloaded: Make, hub_settings: Settings
) -> None:
    seen, starting, idle = (
        downloaded("seen", 50),
        downloaded("starting", 0.5),
        downloaded("idle", 2),
    )
    linked = hub_settings.work_folder / "models" / "links" / "model.safetensors"
    view = hub_settings.work_folder / "views" / "machine-1" / "weights" / "model.safetensors"
    for link, target in (
        (linked, seen / "snapshots" / ("a" * 40) / "model.safetensors"),
        (view, linked),
    ):
        link.parent.mkdir(parents=True)
        link.symlink_to(target)
    assert drop_unused(0, hub_settings, limit=1, dry_run=True) == ["org/idle"]
    assert idle.exists()
    assert drop_unused(0, hub_settings, limit=1) == ["org/idle"]
    assert seen.exists()
    assert starting.exists()


def test_merged_weights_count_and_go_too(downloaded: Make, hub_settings: Settings) -> None:
    downloaded("a", 10)
    merged = hub_settings.work_folder / "models" / "adapter_1_2_bfloat16"
    merged.mkdir(parents=True)
    (merged / "model.safetensors").write_bytes(bytes(SIZE))
    (hub_settings.work_folder / "models" / "1_files").mkdir()
    os.utime(merged, (0, 0))
    assert [model.size for model in cached_models(hub_settings)] == [SIZE, SIZE]
    assert drop_unused(0, hub_settings, limit=SIZE) == [merged.name]
    assert not merged.exists()


def test_a_model_that_can_never_fit_is_the_models_failure(hub_settings: Settings) -> None:
    with pytest.raises(LoadFailed, match="EVALBOARD_MODEL_CACHE_GIB allows"):
        download(limited(hub_settings, 1000))


@pytest.mark.parametrize(
    ("total", "error"), [(10**12, MachineUnfit), (100_000, LoadFailed)], ids=["full", "too small"]
)
def test_the_disk_is_asked_before_a_download(
    total: int,
    error: type[Exception],
    hub: SmallHub,
    hub_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = type(shutil.disk_usage("/"))(total, total, 100_000)  # a disk that is nearly full
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    with pytest.raises(error, match=r"'org/model' needs 0\.0 GiB"):
        download(hub_settings)
    assert not any("safetensors" in request for request in hub.requests)
