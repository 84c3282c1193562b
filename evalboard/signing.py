"""The key of an installation, and the signatures that it makes.

A signature says that this installation wrote something, for this path and with these bytes. It is a
keyed hash (HMAC-SHA256). Whoever has the key can sign, so the key is in no store, log or report.
"""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from evalboard.errors import ConfigError
from evalboard.files import sync_folder, write_synced
from evalboard.settings import SHORTEST_KEY, Settings

SIGNATURE = re.compile(r"([0-9a-f]{16}):[0-9a-f]{64}")
"""The id of the key, and the keyed hash."""
KEY_ID = re.compile(r"[0-9a-f]{16}")


class SigningKey:
    """A secret, and what it signs.

    Args:
        secret: The secret. White space around it does not count.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip().encode()
        self.id = self._hash(b"the id of this key")[:16]
        """Name of the key, which says nothing about the secret."""

    def sign(self, path: str, content: bytes) -> str:
        """Return the signature of a file's content at a path."""
        return f"{self.id}:{self._hash(path.encode(errors='surrogatepass') + bytes(1) + content)}"

    def has_signed(self, signature: str, path: str, content: bytes) -> bool:
        """Return whether a signature is of this key, and of this content at this path."""
        return hmac.compare_digest(signature.encode(), self.sign(path, content).encode())

    def _hash(self, content: bytes) -> str:
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()


class KeySource:
    """The key of an installation: from its settings, or from a file that it makes itself.

    Args:
        settings: The key, or the folder of its file.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.signing_key
        self._known = SigningKey(given.get_secret_value()) if given else None
        self.file = settings.signing_folder / "key"

    def find(self) -> SigningKey | None:
        """Return the key, None if there is none yet or this process cannot read it."""
        if self._known is None:
            try:
                self._known = _read(self.file)
            except (OSError, ConfigError):
                return None
        return self._known

    def obtain(self) -> SigningKey:
        """Return the key, and make it if there is none yet.

        Raises:
            ConfigError: The file cannot be read or written, or does not contain a key.
        """
        if self._known is None:
            try:
                self._known = _read_or_make(self.file)
            except OSError as exc:
                raise ConfigError(
                    f"The signing key {str(self.file)!r} cannot be read or made: {exc}. Correct "
                    "its permissions, or set EVALBOARD_SIGNING_KEY."
                ) from exc
        return self._known


def _read_or_make(file: Path) -> SigningKey:
    """Return the key of a file. Of several processes that need a new one, the first makes it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (file.parent / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _read(file)
        except FileNotFoundError:
            _write(file, secrets.token_hex(SHORTEST_KEY))
            return _read(file)


def _read(file: Path) -> SigningKey:
    secret = file.read_bytes().decode(errors="replace").strip()
    if len(secret) < SHORTEST_KEY or not secret.isascii() or not secret.isprintable():
        raise ConfigError(
            f"File {str(file)!r} does not contain a signing key. Restore it from a backup, or "
            "delete it: the requests that it signed are then checked again."
        )
    return SigningKey(secret)


def _write(file: Path, secret: str) -> None:
    """Write a new file that only its owner can read, and that is there as a whole or not at all."""
    aside = file.with_name(".key.new")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    write_synced(aside, f"{secret}\n".encode())
    aside.replace(file)
    sync_folder(file.parent)
