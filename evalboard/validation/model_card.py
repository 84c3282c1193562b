"""Read the front matter and the text of a model card."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

CARD_NAME = "README.md"
CARD_BYTES = 1_000_000
FRONT_MATTER_CHARACTERS = 64_000


class ModelCard(NamedTuple):
    """A model card."""

    metadata: dict[str, Any]
    """The front matter: only texts, lists and dictionaries. Nothing is converted to other types."""
    text: str
    """The text after the front matter."""
    problem: str = ""
    """Why the front matter cannot be read."""


def read_card(folder: Path) -> ModelCard | None:
    """Read the first megabyte of a folder's model card, None if there is no card."""
    path = folder / CARD_NAME
    if not path.is_file():
        return None
    with path.open("rb") as file:
        content = file.read(CARD_BYTES)
    return parse_card(content.decode("utf-8-sig", errors="replace"))


def parse_card(content: str) -> ModelCard:
    """Split a card into front matter and text."""
    lines = content.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        return ModelCard({}, content)
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), None)
    if end is None:
        return ModelCard({}, content, "its front matter has no closing line '---'")
    metadata, problem = _parse_front_matter("\n".join(lines[1:end]))
    return ModelCard(metadata, "\n".join(lines[end + 1 :]), problem)


def texts(value: object, *, most: int = 8) -> list[str]:
    """Return the first texts of a value in the front matter, which is a text or a list."""
    values = value if isinstance(value, list) else [value]
    return [text.strip() for text in values if isinstance(text, str) and text.strip()][:most]


def _parse_front_matter(text: str) -> tuple[dict[str, Any], str]:
    if len(text) > FRONT_MATTER_CHARACTERS:
        return {}, f"its front matter is longer than {FRONT_MATTER_CHARACTERS:,} characters"
    try:
        # The base loader makes texts, lists and dictionaries only: no merge keys that grow without
        # bounds, no tags, no numbers or dates that fail to convert.
        value = yaml.load(text, Loader=yaml.BaseLoader)
    except RecursionError:
        return {}, "its front matter is nested too deeply"
    except yaml.YAMLError as exc:
        return {}, f"its front matter is not YAML ({exc})"
    if not isinstance(value, dict):
        return {}, "" if value in (None, "") else "its front matter is not a mapping"
    return value, ""
