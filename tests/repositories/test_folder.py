import os
from pathlib import Path

import pytest

from evalboard.errors import ConfigError, ModelNotFound, StoreError, TooManyFiles
from evalboard.repositories import UnusableFile, find_repository
from evalboard.settings import Settings


def test_a_model_is_found_under_the_models_folder(local_settings: Settings) -> None:
    repository = find_repository("org/model", "main", local_settings)
    assert repository.model == "org/model"
    assert len(repository.revision) == 40
    assert repository.files()["config.json"] == 23
    assert repository.read("README.md", max_bytes=100) == b"# A model\n"
    assert repository.head("README.md", length=3) == b"# A"


def test_a_bare_folder_is_local(model_folder: Path, local_settings: Settings) -> None:
    repository = find_repository(str(model_folder), "main", local_settings)
    assert repository.model == "local/model"


def test_the_revision_is_the_content(model_folder: Path, local_settings: Settings) -> None:
    before = find_repository("org/model", "main", local_settings).revision
    (model_folder / ".git").mkdir()
    (model_folder / ".git" / "HEAD").write_text("x", encoding="utf-8")
    assert find_repository("org/model", "main", local_settings).revision == before
    assert find_repository("org/model", before[:8], local_settings).revision == before

    config = model_folder / "config.json"
    config.write_bytes(config.read_bytes().replace(b"llama", b"opt  "))
    os.utime(config, ns=(1, 1))
    assert find_repository("org/model", "main", local_settings).revision != before
    with pytest.raises(ModelNotFound, match=r"Use 'main', or [0-9a-f]{40}, the hash"):
        find_repository("org/model", before, local_settings)


def test_a_renamed_file_is_another_revision(model_folder: Path, local_settings: Settings) -> None:
    before = find_repository("org/model", "main", local_settings).revision
    (model_folder / "README.md").rename(model_folder / "READYOU.md")
    assert find_repository("org/model", "main", local_settings).revision != before


@pytest.mark.parametrize("revision", ["v1", "0123456", "0" * 40])
def test_another_revision_is_not_there(revision: str, local_settings: Settings) -> None:
    with pytest.raises(ModelNotFound, match="is a folder"):
        find_repository("org/model", revision, local_settings)


def test_small_files_hold_no_weights_and_no_code(local_settings: Settings, tmp_path: Path) -> None:
    folder = find_repository("org/model", "main", local_settings).small_files(tmp_path / "small")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "tokenizer.json", "README.md"}


def test_weights_are_a_view_without_pickles_and_code(local_settings: Settings) -> None:
    folder = find_repository("org/model", "main", local_settings).weights()
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "tokenizer.json", "README.md", "model.safetensors"}
    assert (folder / "model.safetensors").stat().st_size == 300_010
    assert find_repository("org/model", "main", local_settings).weights() == folder


def test_a_file_too_large_or_absent_is_not_read(local_settings: Settings) -> None:
    repository = find_repository("org/model", "main", local_settings)
    with pytest.raises(UnusableFile, match="at most 9 are read"):
        repository.read("README.md", max_bytes=9)
    with pytest.raises(UnusableFile, match="has no file"):
        repository.head("nothing.json", length=9)


def test_links_to_nowhere_and_pipes_are_no_files(
    model_folder: Path, local_settings: Settings
) -> None:
    (model_folder / "dangling.json").symlink_to(model_folder / "nothing")
    os.mkfifo(model_folder / "pipe.json")
    repository = find_repository("org/model", "main", local_settings)
    assert not {"dangling.json", "pipe.json"} & set(repository.files())
    assert set(repository.refused()) == {"dangling.json", "pipe.json"}


@pytest.mark.parametrize(
    "targets",
    [
        {"a.json": "a.json"},
        {"a.json": "b.json", "b.json": "a.json"},
        {"a.json": "sub", "sub": "sub/sub"},
        {"a.json": "sub/../a.json", "sub": "."},
        {"a.json": "x" * 300},
        {"config.json": "config.json"},
    ],
    ids=[
        "itself",
        "each other",
        "a folder in itself",
        "round about",
        "a long name",
        "a known name",
    ],
)
def test_links_that_lead_nowhere_are_named(
    targets: dict[str, str], model_folder: Path, local_settings: Settings, tmp_path: Path
) -> None:
    for name, target in targets.items():
        (model_folder / name).unlink(missing_ok=True)
        (model_folder / name).symlink_to(target)
    repository = find_repository("org/model", "main", local_settings)
    assert next(iter(targets)) in repository.refused()
    repository.small_files(tmp_path / "small")
    repository.weights()


def test_a_model_folder_that_leads_to_itself_is_not_found(
    local_settings: Settings, tmp_path: Path
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(ModelNotFound):
        find_repository(str(loop), "main", local_settings)


@pytest.mark.parametrize("content", [b"", b"start", bytes(5000)])
def test_a_file_that_is_not_on_the_disk_is_not_read(
    content: bytes, model_folder: Path, local_settings: Settings
) -> None:
    with (model_folder / "other.safetensors").open("wb") as file:
        file.write(content)
        file.truncate(2**33)
    repository = find_repository("org/model", "main", local_settings)
    assert "sparse" in repository.refused()["other.safetensors"]
    assert "other.safetensors" not in repository.files()


def test_a_file_larger_than_the_hub_takes_is_not_read(
    model_folder: Path, local_settings: Settings
) -> None:
    with (model_folder / "other.bin").open("wb") as file:
        file.truncate(2**40)
    repository = find_repository("org/model", "main", local_settings)
    assert "more than 500,000,000,000 bytes" in repository.refused()["other.bin"]


def test_small_holes_are_read(model_folder: Path, local_settings: Settings) -> None:
    with (model_folder / "other.safetensors").open("wb") as file:
        file.truncate(2**20)
    repository = find_repository("org/model", "main", local_settings)
    assert repository.files()["other.safetensors"] == 2**20


def test_reading_has_an_end(
    model_folder: Path, local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalboard.repositories.contents.HASH_SECONDS", -1)
    os.utime(model_folder / "config.json", ns=(3, 3))  # not in the memory of another test
    with pytest.raises(StoreError, match="takes longer than"):
        find_repository("org/model", "main", local_settings)


def test_what_leaves_the_folder_is_no_part_of_it(
    model_folder: Path, local_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    (model_folder / "secret.json").symlink_to(tmp_path / "secret.json")
    (model_folder / "all").symlink_to(tmp_path)
    (model_folder / "inside.json").symlink_to(model_folder / "config.json")
    (model_folder / "<b>.json").write_text("{}", encoding="utf-8")
    repository = find_repository("org/model", "main", local_settings)
    assert set(repository.refused()) == {"secret.json", "all", "<b>.json"}
    assert "inside.json" in repository.files()
    assert not set(repository.refused()) & set(repository.files())


def test_a_snapshot_of_the_hubs_client_is_made_of_links(
    local_settings: Settings, tmp_path: Path
) -> None:
    blobs, snapshot = tmp_path / "cache" / "blobs", tmp_path / "cache" / "snapshots" / "sha"
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    (blobs / "a").write_text("{}", encoding="utf-8")
    (snapshot / "config.json").symlink_to("../../blobs/a")
    repository = find_repository(str(snapshot), "main", local_settings)
    assert dict(repository.files()) == {"config.json": 2}
    assert not repository.refused()


def test_a_folder_of_too_many_files(
    model_folder: Path, local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalboard.repositories.repository.MAX_FILES", 6)
    with pytest.raises(TooManyFiles, match="more than 6 files"):
        find_repository("org/model", "main", local_settings)


def test_offline_the_message_says_so_and_only_the_log_names_the_folder(
    local_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ModelNotFound, match=r"'org/other' .* \(offline\)") as raised:
        find_repository("org/other", "main", local_settings)
    assert str(local_settings.models) not in raised.value.message
    assert "EVALBOARD_" not in raised.value.message
    assert f"EVALBOARD_MODELS={str(local_settings.models)!r}" in caplog.text


def test_a_folder_that_is_not_there(local_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="does not exist"):
        find_repository(str(tmp_path / "nothing"), "main", local_settings)


def test_a_folder_that_cannot_be_read_says_nothing_about_the_model(
    model_folder: Path, local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError("no")

    # Permissions do not stop the root user, whom tests may run as.
    monkeypatch.setattr("evalboard.repositories.folder.os.walk", refuse)
    with pytest.raises(StoreError, match="cannot be read"):
        find_repository(str(model_folder), "main", local_settings)


def test_nonsense_is_refused(local_settings: Settings) -> None:
    with pytest.raises(ConfigError):
        find_repository("what is this", "main", local_settings)
    with pytest.raises(ConfigError):
        find_repository("org/model", "; rm -rf", local_settings)
