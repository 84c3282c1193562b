"""A backup is written and restored with real stores in folders."""

import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard import backups
from evalboard.backups import MANIFEST, STORES, back_up, restore
from evalboard.cli import main
from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.signing import KeySource
from evalboard.stores.addresses import open_store
from evalboard.stores.local import LocalSnapshot, LocalStore
from evalboard.stores.protocol import Delete, Operation, Write


def installation(home: Path) -> Settings:
    return Settings.model_validate({"home": home})


def files_of(settings: Settings) -> dict[str, dict[str, str]]:
    return {
        name: dict(open_store(settings.store_address(name), settings).snapshot().files)
        for name in STORES
    }


def change(settings: Settings, *operations: Operation) -> None:
    open_store(settings.store_address("requests"), settings).commit(operations, message="test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with a key, and with stores of which one is empty."""
    made = installation(tmp_path / "old")
    KeySource(made).obtain()
    change(made, Write("org/a.json", b"{}"), Write("org/ä b.json", bytes(range(256))))
    results = open_store(made.store_address("results"), made)
    results.commit([Write("org/a/results.json", b"[" + b"1," * 9999 + b"1]")], message="test")
    return made


def test_a_new_home_gets_the_same_stores_and_the_same_key(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "board.tar.gz"
    monkeypatch.setenv("EVALBOARD_HOME", str(settings.home))
    assert main(["backup", str(file)]) == 0
    assert (
        "2 of the requests store, 1 of the results store, 0 of the board" in capsys.readouterr().out
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "new"))
    assert main(["restore", str(file)]) == 0
    assert "requests: 2 files written, 0 were there already" in capsys.readouterr().out
    new = installation(tmp_path / "new")
    assert files_of(new) == files_of(settings)
    assert KeySource(new).obtain().id == KeySource(settings).obtain().id
    assert stat.S_IMODE((new.signing_folder / "key").stat().st_mode) == 0o600


def test_an_interrupted_restore_is_completed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(tmp_path / "file", settings)
    new = installation(tmp_path / "new")
    monkeypatch.setattr(backups, "COMMIT_BYTES", 1)  # a commit for every file
    whole = LocalStore.commit

    def interrupted(self: LocalStore, operations: list[Write], **options: str) -> str:
        if operations[0].path == "org/a/results.json":
            raise KeyboardInterrupt
        return whole(self, operations, **options)

    monkeypatch.setattr(LocalStore, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        restore(tmp_path / "file", new)
    monkeypatch.setattr(LocalStore, "commit", whole)
    found = {each.store: each for each in restore(tmp_path / "file", new)}
    assert found["requests"].already_there == 2
    assert found["results"].written == 1
    assert files_of(new) == files_of(settings)


def test_nothing_of_another_installation_is_replaced(settings: Settings, tmp_path: Path) -> None:
    back_up(tmp_path / "file", settings)
    with pytest.raises(ConfigError, match="exists"):
        back_up(tmp_path / "file", settings)
    used = installation(tmp_path / "used")
    change(used, Write("org/b.json", b"{}"))
    before = files_of(used)
    with pytest.raises(ConfigError, match=r"'org/b\.json'"):
        restore(tmp_path / "file", used)
    signing = installation(tmp_path / "signing")
    KeySource(signing).obtain()
    with pytest.raises(ConfigError, match="signing key of its own"):
        restore(tmp_path / "file", signing)
    assert files_of(used) == before
    assert files_of(signing) == {name: {} for name in STORES}


def test_a_store_that_changes_meanwhile_is_written_as_it_is_at_one_moment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = LocalSnapshot.read
    read: list[str] = []

    def reading(self: LocalSnapshot, path: str, **options: int | None) -> bytes:
        read.append(path)
        if read == ["org/a.json"]:
            change(settings, Write("org/ä b.json", b"changed"), Delete("org/a.json"))
            change(settings, Write("org/c.json", b"new"))
        return whole(self, path, **options)

    monkeypatch.setattr(LocalSnapshot, "read", reading)
    back_up(tmp_path / "file", settings)
    monkeypatch.undo()
    new = installation(tmp_path / "new")
    restore(tmp_path / "file", new)
    assert files_of(new) == files_of(settings)
    assert set(files_of(new)["requests"]) == {"org/c.json", "org/ä b.json"}


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _repack(file: Path, edit: Callable[[Path], None]) -> None:
    folder = file.with_name("unpacked")
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    edit(folder)
    with tarfile.open(file, "w:gz") as archive:
        for path in folder.rglob("*"):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    shutil.rmtree(folder)


def _changed(file: Path) -> None:
    def edit(folder: Path) -> None:
        (folder / "requests/org/a.json").write_bytes(b"[]")

    _repack(file, edit)


def _incomplete(file: Path) -> None:
    _repack(file, lambda folder: (folder / "requests/org/a.json").unlink())


def _from_the_future(file: Path) -> None:
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        (folder / MANIFEST).write_text(json.dumps(manifest | {"version": 99}), encoding="utf-8")

    _repack(file, edit)


def _of_another_kind(file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        archive.add(__file__, "test.py")


@pytest.mark.parametrize(
    "spoil", [_cut, _empty, _changed, _incomplete, _from_the_future, _of_another_kind]
)
def test_a_damaged_backup_is_refused(
    spoil: Callable[[Path], None], settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    back_up(file, settings)
    spoil(file)
    new = installation(tmp_path / "new")
    with pytest.raises(ConfigError, match="backup"):
        restore(file, new)
    assert not (new.signing_folder / "key").exists()
