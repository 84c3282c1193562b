"""The form of a suite file: every mistake in it, with its line."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from evalboard.suites.contradictions import Mistake, Place, contradictions
from evalboard.suites.model import Benchmark, Suite

_ONE_BENCHMARK = TypeAdapter(Benchmark)


class LineMistake(NamedTuple):
    """A mistake and the line of the file that it is in, from 1."""

    line: int
    message: str


class Form(NamedTuple):
    """A suite file, as far as it can be read."""

    suite: Suite | None
    """Its well-formed parts, None without a benchmark among them. It may contradict itself."""
    numbers: tuple[int, ...]
    """Position in the file of each benchmark of `suite`, from 0."""
    mistakes: list[LineMistake]
    root: yaml.Node | None
    """The file's content with its lines, None if it is not YAML."""

    def located(self, mistakes: Iterable[Mistake]) -> list[LineMistake]:
        """Return mistakes in `suite` with their lines in the file."""
        return [
            LineMistake(_line(self.root, self._in_file(mistake.place)), mistake.message)
            for mistake in mistakes
        ]

    def _in_file(self, place: Place) -> Place:
        match place:
            case ("benchmarks", int(at), *rest):
                return ("benchmarks", self.numbers[at], *rest)
            case _:
                return place


def read_form(text: str) -> Form:
    """Read a suite file, and collect all mistakes of its form and all contradictions."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        what = " ".join(str(getattr(exc, "problem", None) or exc).split())
        line = mark.line + 1 if mark else 1
        return Form(None, (), [LineMistake(line, f"This is not YAML: {what}.")], None)
    if not isinstance(content, dict):
        message = "A suite file is a mapping with `name`, `title` and `benchmarks`."
        return Form(None, (), [LineMistake(1, message)], root)
    repeated = [LineMistake(*found) for found in _repeated_keys(root)]
    fields, numbers, wrong = _fields(content)
    suite = Suite.model_construct(**fields) if fields.get("benchmarks") else None
    form = Form(suite, numbers, repeated, root)
    found = [LineMistake(_line(root, place), message) for place, message in wrong]
    if suite:
        found += form.located(contradictions(suite))
    return form._replace(mistakes=sorted([*repeated, *found]))


def _fields(content: dict[Any, Any]) -> tuple[dict[str, Any], tuple[int, ...], list[Mistake]]:
    """Return the well-formed fields, the positions of the well-formed benchmarks, and the mistakes."""
    known = Suite.model_fields
    mistakes = [
        Mistake((name,), f"A suite has no {name!r}. It has: {', '.join(known)}.")
        for name in content
        if name not in known
    ]
    fields: dict[str, Any] = {}
    numbers: list[int] = []
    for name, field in known.items():
        if name == "benchmarks" and isinstance(content.get(name), list) and content[name]:
            fields[name] = ()
            for at, one in enumerate(content[name]):
                value, wrong = _checked(_ONE_BENCHMARK, one, (name, at))
                mistakes += wrong
                if not wrong:
                    fields[name] += (value,)
                    numbers.append(at)
        elif name in content:
            adapter = TypeAdapter(field.rebuild_annotation())
            value, wrong = _checked(adapter, content[name], (name,))
            mistakes += wrong
            if not wrong:
                fields[name] = value
        elif field.is_required():
            mistakes.append(Mistake((), f"`{name}` is missing."))
    return fields, tuple(numbers), mistakes


def _checked(adapter: TypeAdapter[Any], value: Any, place: Place) -> tuple[Any, list[Mistake]]:
    try:
        return adapter.validate_python(value), []
    except ValidationError as exc:
        return None, [_mistake(dict(error), place) for error in exc.errors()]


def _mistake(error: dict[str, Any], place: Place) -> Mistake:
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
