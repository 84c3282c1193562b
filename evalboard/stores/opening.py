"""Open a store by its address."""

from pathlib import Path

from evalboard.errors import ConfigError
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Store


def open_store(address: str) -> Store:
    """Return the store at a folder.

    Raises:
        ConfigError: The address is of a kind that this version does not know.
    """
    if "://" in address:
        raise ConfigError(
            f"Store address {address!r} is not a folder. This version keeps stores in folders only."
        )
    return LocalStore(Path(address).resolve())
