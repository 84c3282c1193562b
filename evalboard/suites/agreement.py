"""The settings that change what a board says of a model. All its machines have the same ones."""

from collections.abc import Mapping
from typing import Literal

from evalboard.settings import PREFIX, Settings
from evalboard.suites.loader import board_suites
from evalboard.suites.model import Suite

PLAIN = (
    "backend",
    "check_finite",
    "closed_models",
    "hub_endpoint",
    "max_model_length",
    "tensor_parallel",
)
"""Settings that are compared as they are."""
STORES: tuple[Literal["requests", "results", "board"], ...] = ("requests", "results", "board")
"""Compared if they are on the Hub: machines may mount one folder at different places."""


def board_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that all machines of a board share, by their variables.

    Suites are compared by name and content, because a file can have another path elsewhere.

    Raises:
        ConfigError: A suite cannot be loaded.
    """
    values = {name: str(getattr(settings, name)) for name in PLAIN}
    addresses = {name: settings.store_address(name) for name in STORES}
    values |= {name: address for name, address in addresses.items() if "://" in address}
    suites = board_suites(settings)
    values["suite"], values["suites"] = _named(suites[:1]), _named(suites[1:])
    return {PREFIX + name.upper(): value for name, value in values.items()}


def differences(here: Mapping[str, str], board: Mapping[str, str]) -> list[str]:
    """Return a sentence for each setting of this machine that differs from the board's."""
    return [
        f"{name} is {here.get(name, 'not set')!r} here and {board.get(name, 'not set')!r} for the "
        "board."
        for name in sorted({*here, *board})
        if here.get(name) != board.get(name)
    ]


def _named(suites: tuple[Suite, ...]) -> str:
    return ", ".join(f"{suite.name} ({suite.content_hash[:12]})" for suite in suites)
