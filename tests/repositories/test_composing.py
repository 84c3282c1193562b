from pathlib import Path

import pytest

from evalboard.repositories.composing import compose_small_files
from evalboard.repositories.copying import made_once

from .conftest import write_files

BASE = {
    "config.json": b"base",
    "generation_config.json": b"base",
    "tokenizer.json": b"base",
    "tokenizer_config.json": b"base",
    "additional_chat_templates/tools.jinja": b"base",
}


def composed(tmp_path: Path, own: dict[str, bytes], *, own_config: bool) -> dict[str, bytes]:
    folder = compose_small_files(
        write_files(tmp_path / "own", own),
        write_files(tmp_path / "base", BASE),
        tmp_path / "composed",
        own_config=own_config,
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_adapter_with_nothing_of_its_own(tmp_path: Path) -> None:
    own = {"adapter_config.json": b"own", "config.json": b"own", "chat_template.jinja": b"own"}
    assert composed(tmp_path, own, own_config=False) == BASE


def test_an_adapter_with_a_tokenizer(tmp_path: Path) -> None:
    own = {"tokenizer.json": b"own", "chat_template.jinja": b"own"}
    assert composed(tmp_path, own, own_config=False) == {
        "config.json": b"base",
        "generation_config.json": b"base",
        **own,
    }


def test_a_delta_without_a_tokenizer(tmp_path: Path) -> None:
    assert composed(tmp_path, {"config.json": b"own"}, own_config=True) == {
        "config.json": b"own",
        "tokenizer.json": b"base",
        "tokenizer_config.json": b"base",
        "additional_chat_templates/tools.jinja": b"base",
    }


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    place = tmp_path / "made" / "once"

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x", encoding="utf-8")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        made_once(place, fail)
    assert list(place.parent.iterdir()) == []

    def fill(folder: Path) -> None:
        (folder / "file").write_text("x", encoding="utf-8")

    assert made_once(place, fill) == place
    assert made_once(place, fail) == place
    assert [path.name for path in place.iterdir()] == ["file"]


def test_the_slower_of_two_uses_what_the_faster_made(tmp_path: Path) -> None:
    place = tmp_path / "once"

    def fill_while_another_does(folder: Path) -> None:
        made_once(place, lambda other: (other / "faster").touch())
        (folder / "slower").touch()

    made_once(place, fill_while_another_does)
    assert [path.name for path in place.iterdir()] == ["faster"]
