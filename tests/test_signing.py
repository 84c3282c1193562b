import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.signing import KEY_ID, SIGNATURE, KeySource, SigningKey

SECRET = "a secret with more than thirty-two characters"
# The process that runs the tests may have Ray's threads, which its forks would not have: this one has none.
OBTAINING = """
import sys
from multiprocessing import get_context
from tests.test_signing import made_id

with get_context("fork").Pool(4) as pool:
    print(*set(pool.map(made_id, sys.argv[1:] * 16)))
"""


def settings_of(home: Path, **fields: object) -> Settings:
    return Settings.model_validate({"home": home, **fields})


def made_id(home: str) -> str:
    return KeySource(settings_of(Path(home))).obtain().id


def test_a_signature_is_of_a_key_a_path_and_every_byte() -> None:
    key, other = SigningKey(SECRET), SigningKey(SECRET + "x")
    signature = key.sign("a.json", b"content")
    assert SIGNATURE.fullmatch(signature)
    assert key.has_signed(signature, "a.json", b"content")
    assert not key.has_signed(signature, "b.json", b"content")
    assert not key.has_signed(signature, "a.json", b"Content")
    assert not key.has_signed(signature, "a.jso", b"ncontent")
    assert not other.has_signed(signature, "a.json", b"content")


def test_the_id_of_a_key_says_nothing_about_it() -> None:
    key = SigningKey(SECRET)
    assert KEY_ID.fullmatch(key.id)
    assert SECRET not in repr(key)
    assert SigningKey(f" {SECRET}\n").id == key.id


def test_a_key_is_made_at_the_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    source = KeySource(settings_of(tmp_path))
    assert source.find() is None
    assert not source.file.exists()
    key = source.obtain()
    assert stat.S_IMODE(source.file.stat().st_mode) == 0o600
    again = KeySource(settings_of(tmp_path))
    found = again.find()
    assert found is not None
    assert found.id == again.obtain().id == key.id
    copied = settings_of(tmp_path / "other", signing_key=source.file.read_text(encoding="utf-8"))
    assert KeySource(copied).obtain().id == key.id
    assert not (tmp_path / "other").exists()


def test_of_many_processes_at_once_one_makes_the_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OBTAINING, str(tmp_path)]
    (key_id,) = subprocess.check_output(command, text=True).split()
    assert made_id(str(tmp_path)) == key_id


def test_of_many_threads_at_once_one_makes_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(made_id, [str(tmp_path)] * 16))) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe" * 40, b"two\nlines " * 10])
def test_a_torn_key_file_is_not_replaced(content: bytes, tmp_path: Path) -> None:
    source = KeySource(settings_of(tmp_path))
    source.file.parent.mkdir(parents=True)
    source.file.write_bytes(content)
    assert source.find() is None
    with pytest.raises(ConfigError, match="does not contain a signing key"):
        source.obtain()
    assert source.file.read_bytes() == content


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write every folder")
def test_a_home_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="EVALBOARD_SIGNING_KEY"):
        KeySource(settings_of(tmp_path)).obtain()
    tmp_path.chmod(0o700)


def test_a_home_that_is_a_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder", encoding="utf-8")
    with pytest.raises(ConfigError, match="EVALBOARD_SIGNING_KEY"):
        KeySource(settings_of(tmp_path / "home")).obtain()
