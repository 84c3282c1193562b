"""YAML files with the lines of their parts, and the mistakes that show in them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from evalboard.suites.contradictions import Mistake, Place


class LineMistake(NamedTuple):
    """A mistake and the line of the file that it is in, from 1."""

    line: int
    message: str


class Lines(NamedTuple):
    """A file, as far as it is YAML."""

    content: Any
    """None if it is not YAML."""
    root: yaml.Node | None
    """The content with its lines."""
    mistakes: list[LineMistake]
    """Why it is not YAML, or the keys that a mapping has twice."""

    def line(self, place: Place) -> int:
        """Return the line of a part of the file, or of what it would be in."""
        return _line(self.root, place)


def read_lines(text: str) -> Lines:
    """Read a YAML file with its lines."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        what = " ".join(str(getattr(exc, "problem", None) or exc).split())
        line = mark.line + 1 if mark else 1
        return Lines(None, None, [LineMistake(line, f"This is not YAML: {what}.")])
    return Lines(content, root, [LineMistake(*found) for found in _repeated_keys(root)])


def mistake_of(error: dict[str, Any], place: Place) -> Mistake:
    """Return an error of Pydantic about what is at a place as a mistake."""
    where = (*place, *error["loc"])
    name = ".".join(map(str, where))
    return Mistake(where, f"{name}: {error['msg'].removeprefix('Value error, ')}")


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Yield the keys that a mapping has twice, of which YAML keeps the last without a word."""
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _repeated_keys(part)
    if isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, value in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                message = f"Duplicate key `{key.value}`. YAML keeps only the last one."
                yield key.start_mark.line + 1, message
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            yield from _repeated_keys(value)


def _line(root: yaml.Node | None, place: Place) -> int:
    """Return the line of a part of the file, or of what it would be in."""
    line, node = 1, root
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = {k.value: (k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode)}
            if step not in found:
                break
            key, node = found[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
