"""The environment variables of this process, and of those that it starts."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from evalboard.settings import PREFIX, Settings

SECRET_NAMES = ("AUTH", "CREDENTIAL", "KEY", "PASS", "SECRET", "TOKEN")
"""Parts of the names of variables that may contain a secret."""
NOTIFY_SOCKET = "NOTIFY_SOCKET"
"""Variable with the address of the service manager, which wants to hear from this process only."""
LIBRARY_PATH = "LD_LIBRARY_PATH"
"""Variable of the system's loader."""
LIBRARY_FOLDERS = ("HF_DATASETS_CACHE", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME")
"""Variables of libraries with a folder."""


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables, with absolute paths, for another process."""
    variables: dict[str, str] = {}
    for name, value in settings:
        if value is not None and not isinstance(value, SecretStr):
            variables[PREFIX + name.upper()] = str(value)
    for name in ("requests", "results", "board"):
        variables[PREFIX + name.upper()] = _absolute(settings.store_address(name))
    variables[PREFIX + "HOME"] = str(settings.home.resolve())
    variables[PREFIX + "WORK"] = str(settings.work_folder.resolve())
    if Path(settings.suite).suffix:
        variables[PREFIX + "SUITE"] = str(Path(settings.suite).resolve())
    if settings.token:
        variables["HF_TOKEN"] = settings.token
    if settings.server_password:  # Prefect's clients know only this name
        variables["PREFECT_API_AUTH_STRING"] = settings.server_password.get_secret_value()
    if settings.signing_key:
        variables[PREFIX + "SIGNING_KEY"] = settings.signing_key.get_secret_value()
    return variables


def relative_folders(settings: Settings) -> list[str]:
    """Return the variables that name a folder or file relative to the working directory."""
    places = {
        "HOME": str(settings.home),
        "WORK": str(settings.work_folder),
        "SUITE": settings.suite if Path(settings.suite).suffix else "/",
        **{name.upper(): settings.store_address(name) for name in ("requests", "results", "board")},
    }
    return [
        PREFIX + name
        for name, place in places.items()
        if "://" not in place and not Path(place).is_absolute()
    ]


def child_environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return this process's environment with the settings and `more` on top.

    Folders of the libraries are absolute in it, because programs run in another folder.
    """
    folders = {
        name: str(Path(os.environ[name]).expanduser().resolve())
        for name in LIBRARY_FOLDERS
        if os.environ.get(name)
    }
    own = {name: value for name, value in os.environ.items() if name != NOTIFY_SOCKET}
    return {**own, **folders, **environment_of(settings), **more}


def public_environment(beginnings: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of this process with such names, but none that is named like a secret.

    Args:
        beginnings: Of the names.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(beginnings) and not any(part in name.upper() for part in SECRET_NAMES)
    }


def library_folders() -> list[Path]:
    """Return the folders in which the system's loader looks first for libraries.

    An installation from an environment module has its Python or its CUDA there.
    """
    folders = map(Path, os.environ.get(LIBRARY_PATH, "").split(os.pathsep))
    return [folder for folder in folders if folder.is_absolute()]


def set_environment(variables: Mapping[str, str]) -> None:
    """Set variables that libraries read at import. Entry points call it before the import."""
    os.environ.update(variables)


def replace_environment(variables: Mapping[str, str]) -> None:
    """Set variables, and remove all others."""
    os.environ.clear()
    os.environ.update(variables)


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of this process, and of those that it starts, in this context."""
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)


def _absolute(address: str) -> str:
    return address if "://" in address else str(Path(address).resolve())
