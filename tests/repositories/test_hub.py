import errno
import hashlib
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from evalboard.errors import MachineUnfit, ModelNotFound, StoreError, TooManyFiles
from evalboard.repositories import UnusableFile, find_repository
from evalboard.repositories.hub_reading import HubSummary, hub_errors, read_summary
from evalboard.repositories.repository import Standing
from evalboard.settings import Settings

from .conftest import FILES, SHA, SmallHub


@pytest.mark.parametrize("revision", ["main", "v1", SHA])
def test_a_branch_or_tag_is_pinned_to_its_commit(revision: str, hub_settings: Settings) -> None:
    repository = find_repository("org/model", revision, hub_settings)
    assert (repository.model, repository.revision) == ("org/model", SHA)
    assert repository.files() == {path: len(content) for path, content in FILES.items()}


def test_checks_download_small_files_and_heads_only(
    hub: SmallHub, hub_settings: Settings, tmp_path: Path
) -> None:
    repository = find_repository("org/model", "main", hub_settings)
    folder = repository.small_files(tmp_path / "small")
    assert {p.name for p in folder.iterdir()} == {"config.json", "tokenizer.json", "README.md"}
    assert repository.head("model.safetensors", length=10) == b"\x02\0\0\0\0\0\0\0{}"
    assert repository.read("config.json", max_bytes=100) == FILES["config.json"]
    assert hub.bytes_sent < 5000
    assert not any("pytorch_model.bin" in r or ".py" in r for r in hub.requests)


def test_weights_are_downloaded_without_pickles_and_code(hub_settings: Settings) -> None:
    folder = find_repository("org/model", "main", hub_settings).weights()
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert {p.name for p in folder.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "README.md",
        "model.safetensors",
    }


def listed(**hashes: dict[str, Any]) -> dict[str, Any]:
    """Return the Hub's list of the files, with hashes of some."""
    names = {name.replace(".", "_"): name for name in FILES}
    told = {names[key]: entry for key, entry in hashes.items()}
    return {
        "siblings": [
            {"rfilename": name, "size": len(content), **told.get(name, {})}
            for name, content in FILES.items()
        ]
    }


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_weights_have_the_content_that_the_hub_lists(hub: SmallHub, hub_settings: Settings) -> None:
    weights = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    hub.info = listed(
        model_safetensors={"lfs": {"sha256": weights}, "blobId": "1" * 40},
        config_json={"blobId": git_id(FILES["config.json"])},
    )
    assert (find_repository("org/model", "main", hub_settings).weights() / "config.json").is_file()


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("model_safetensors", {"lfs": {"sha256": "0" * 64}}),
        ("config_json", {"blobId": "0" * 40}),
        ("tokenizer_json", {"blobId": git_id(b"another")}),
    ],
)
def test_another_content_than_the_listed_one_is_not_loaded(
    name: str, entry: dict[str, Any], hub: SmallHub, hub_settings: Settings
) -> None:
    hub.info = listed(**{name: entry})
    with pytest.raises(StoreError, match="The checksum of file .* but the Hub lists"):
        find_repository("org/model", "main", hub_settings).weights()


def test_a_file_that_was_damaged_on_the_disk_is_downloaded_again(
    hub: SmallHub, hub_settings: Settings
) -> None:
    content = FILES["model.safetensors"]
    hub.info = listed(model_safetensors={"lfs": {"sha256": hashlib.sha256(content).hexdigest()}})
    repository = find_repository("org/model", "main", hub_settings)
    file = (repository.weights() / "model.safetensors").resolve()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StoreError, match="The checksum of file 'model.safetensors'"):
        repository.weights()
    assert (repository.weights() / "model.safetensors").read_bytes() == content


def test_a_server_that_lists_no_sizes_is_named(hub: SmallHub, hub_settings: Settings) -> None:
    hub.info = {"siblings": [{"rfilename": name} for name in FILES]}
    with pytest.raises(StoreError, match="without their sizes"):
        find_repository("org/model", "main", hub_settings)


def test_what_is_not_there_is_not_found(hub_settings: Settings) -> None:
    with pytest.raises(ModelNotFound, match="The Hub has no model 'org/other'"):
        find_repository("org/other", "main", hub_settings)
    with pytest.raises(ModelNotFound, match="no revision 'v2'"):
        find_repository("org/model", "v2", hub_settings)
    with pytest.raises(UnusableFile, match="has no file 'nothing'"):
        find_repository("org/model", "main", hub_settings).head("nothing", length=1)


def test_a_name_that_the_hub_cannot_have_is_not_found(hub_settings: Settings) -> None:
    with pytest.raises(ModelNotFound):
        find_repository("org/two--dashes", "main", hub_settings)


def test_a_gated_model_is_named_as_such(
    hub: SmallHub, hub_settings: Settings, tmp_path: Path
) -> None:
    repository = find_repository("org/model", "main", hub_settings)
    hub.gated = True
    with pytest.raises(ModelNotFound, match="is gated"):
        repository.small_files(tmp_path / "small")


def test_a_hub_with_a_fault_says_nothing_about_the_model(
    hub: SmallHub, hub_settings: Settings
) -> None:
    hub.broken = True
    with pytest.raises(StoreError, match="Reading model"):
        find_repository("org/model", "main", hub_settings)


@pytest.mark.usefixtures("hub")
def test_an_unreachable_hub_says_nothing_about_the_model(tmp_path: Path) -> None:
    # Port 9 (discard) has no listener.
    settings = Settings.model_validate({"home": tmp_path, "hub_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(StoreError, match="from the Hub failed"):
        find_repository("org/model", "main", settings)


def test_the_hub_is_not_asked_offline(
    hub: SmallHub, hub_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelNotFound, match="offline"):
        find_repository("org/model", "main", hub_settings.model_copy(update={"offline": True}))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFound, match="offline"):
        find_repository("org/model", "main", hub_settings)
    assert hub.requests == []


def test_the_models_folder_comes_before_the_hub(
    hub: SmallHub, hub_settings: Settings, model_folder: Path
) -> None:
    settings = hub_settings.model_copy(update={"models": model_folder.parent.parent})
    assert find_repository("org/model", "main", settings).revision != SHA
    assert hub.requests == []


def test_a_renamed_model_is_followed(hub_settings: Settings) -> None:
    repository = find_repository("org/old", "main", hub_settings)
    assert repository.model == "org/model"
    assert repository.read("config.json", max_bytes=100) == FILES["config.json"]


@pytest.mark.parametrize(("likes", "read"), [(7, 7), (None, None), ("7", None), (-1, None)])
def test_a_summary_has_the_name_now_and_the_hearts(
    likes: object, read: int | None, hub: SmallHub, hub_settings: Settings
) -> None:
    hub.info = {"likes": likes}
    assert read_summary(HfApi(hub.address), "org/old") == HubSummary("org/model", read)
    with pytest.raises(ModelNotFound):
        read_summary(HfApi(hub.address), "org/none")


def test_who_can_get_it_is_said(hub: SmallHub, hub_settings: Settings) -> None:
    assert find_repository("org/model", "main", hub_settings).standing == Standing()
    hub.info = {"gated": "auto", "private": True, "disabled": False}
    repository = find_repository("org/model", "main", hub_settings)
    assert repository.standing == Standing(private=True, gated=True)


def test_a_path_that_leaves_the_repository_is_no_file_of_it(hub_settings: Settings) -> None:
    repository = find_repository("org/model", "main", hub_settings)
    assert list(repository.refused()) == ["../escape.json"]
    assert "../escape.json" not in repository.files()


def test_a_small_file_is_one_request(hub: SmallHub, hub_settings: Settings, tmp_path: Path) -> None:
    repository = find_repository("org/model", "main", hub_settings)
    repository.small_files(tmp_path / "small")
    assert len(hub.requests) == 4


def test_more_bytes_than_are_listed_are_not_taken(
    hub: SmallHub, hub_settings: Settings, tmp_path: Path
) -> None:
    hub.padding = 1
    repository = find_repository("org/model", "main", hub_settings)
    with pytest.raises(StoreError, match="but sent more"):
        repository.small_files(tmp_path / "small")


def test_a_list_of_files_without_an_end_is_not_read(
    hub: SmallHub, hub_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalboard.repositories.hub_reading.INFO_BYTES", 100)
    with pytest.raises(TooManyFiles, match="more than 100 bytes"):
        find_repository("org/model", "main", hub_settings)


@pytest.mark.parametrize("info", [{"sha": None}, {"sha": "main"}, {"id": "../../etc"}])
def test_an_answer_without_a_commit_says_nothing(
    info: dict[str, str], hub: SmallHub, hub_settings: Settings
) -> None:
    hub.info = info
    with pytest.raises(StoreError, match="returned no commit"):
        find_repository("org/model", "main", hub_settings)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, MachineUnfit), (errno.ECONNRESET, StoreError)]
)
def test_a_full_disk_is_not_the_hubs_fault(number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind), hub_errors("org/model", "main"):
        raise OSError(number, "the reason")
