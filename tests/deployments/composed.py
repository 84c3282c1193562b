"""What `infra/compose.yaml` would start, as a compose engine reads it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "infra" / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
PASSWORDS = {
    "POSTGRES_PASSWORD": "a@b/c#d:e%f g$",
    "EVALBOARD_SERVER_PASSWORD": "operator:correct horse",
    "HF_TOKEN": "hf_token",
}
"""Of a shell in which compose is started."""
PLACEHOLDER = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def command_of(service: str) -> list[str]:
    """Return the program and its arguments."""
    parts = [*SERVICES[service].get("entrypoint", []), *SERVICES[service].get("command", [])]
    return [part.replace("$$", "$") for part in parts]


def environment_of(service: str, shell: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that compose sets in a container.

    Args:
        service: Its name.
        shell: The variables of the shell in which compose is started, and of `infra/.env`.
    """

    def value(found: re.Match[str]) -> str:
        name, operator, word = found.groups()
        if shell.get(name):
            return shell[name]
        assert operator != "?", word
        return word or ""

    environment: dict[str, str] = SERVICES[service]["environment"]
    return {name: PLACEHOLDER.sub(value, text) for name, text in environment.items()}
