"""Read the front matter and the text of a model card."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.reader import ReaderError

from evalboard.validation.lfs import POINTER, is_pointer

CARD_NAME = "README.md"
CARD_BYTES = 1_000_000
FRONT_MATTER_CHARACTERS = 64_000
_FRONT_MATTER = re.compile(
    r"(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$))"
)
"""As `huggingface_hub.repocard` and the Hub have it."""
_LINE_END = re.compile(r"\r\n|\r|\n")


class ModelCard(NamedTuple):
    """A model card."""

    metadata: dict[str, Any]
    """The front matter: only texts, lists and dictionaries. Nothing is converted to other types."""
    text: str
    """The text after the front matter."""
    problem: str = ""
    """Why the front matter cannot be read."""
    is_pointer: bool = False
    """Whether a Git LFS pointer is in the place of the card."""


def read_card(folder: Path) -> ModelCard | None:
    """Read the first megabyte of a folder's model card, None if there is no card."""
    path = folder / CARD_NAME
    if not path.is_file():
        return None
    with path.open("rb") as file:
        content = file.read(CARD_BYTES)
    if is_pointer(content):
        return ModelCard({}, "", POINTER, is_pointer=True)
    return parse_card(content.decode("utf-8-sig", errors="replace"))


def parse_card(content: str) -> ModelCard:
    """Split a card into front matter and text, where the Hub does."""
    found = _FRONT_MATTER.match(content)
    if found is None:
        return ModelCard({}, _LINE_END.sub("\n", content), _unclosed(content))
    start, block, end = found.groups()
    first_line = len(_LINE_END.findall(start)) + 1
    metadata, problem = _parse_front_matter(_LINE_END.sub("\n", block), first_line)
    text = _LINE_END.sub("\n", content[found.end() :])
    return ModelCard(metadata, text, problem)


def texts(value: object, *, most: int = 8) -> list[str]:
    """Return the first texts of a value in the front matter, which is a text or a list."""
    values = value if isinstance(value, list) else [value]
    return [text.strip() for text in values if isinstance(text, str) and text.strip()][:most]


def _unclosed(content: str) -> str:
    """Return why a card that begins like front matter has none, empty if it begins otherwise."""
    lines = content.lstrip().split("\n", 2)
    if lines[0].rstrip() != "---" or lines[1:2] == ["---"]:
        return ""
    if lines[0].rstrip("\r") != "---":
        return "the Hub reads front matter only after a line of exactly '---', without spaces"
    return "its front matter has no closing line '---'"


def _parse_front_matter(text: str, first_line: int) -> tuple[dict[str, Any], str]:
    if len(text) > FRONT_MATTER_CHARACTERS:
        return {}, f"its front matter is longer than {FRONT_MATTER_CHARACTERS:,} characters"
    try:
        # The base loader makes texts, lists and dictionaries only: no merge keys that grow without
        # bounds, no tags, no numbers or dates that fail to convert.
        value = yaml.load(text, Loader=yaml.BaseLoader)
    except RecursionError:
        return {}, "its front matter is nested too deeply"
    except yaml.YAMLError as exc:
        return {}, f"its front matter is not YAML ({_yaml_problem(exc, text, first_line)})"
    if not isinstance(value, dict):
        return {}, "" if value in (None, "") else "its front matter is not a mapping"
    return value, ""


def _yaml_problem(exc: yaml.YAMLError, text: str, first_line: int) -> str:
    """Return an error of the parser with its line in the file."""
    if isinstance(exc, yaml.MarkedYAMLError) and exc.problem_mark:
        mark, reason = exc.problem_mark, exc.problem or exc.context
        return f"line {first_line + mark.line}, column {mark.column + 1}: {reason}"
    if isinstance(exc, ReaderError):
        line = first_line + text.count("\n", 0, exc.position)
        return f"line {line}: {exc.reason}"
    return str(exc)
