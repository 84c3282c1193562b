"""The form of a suite file: every mistake in it, with its line."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from evalboard.suites.contradictions import Mistake, Place, contradictions
from evalboard.suites.lines import LineMistake, Lines, mistake_of, read_lines
from evalboard.suites.model import Benchmark, Suite

_ONE_BENCHMARK = TypeAdapter(Benchmark)


class Form(NamedTuple):
    """A suite file, as far as it can be read."""

    suite: Suite | None
    """Its well-formed parts, None without a benchmark among them. It may contradict itself."""
    numbers: tuple[int, ...]
    """Position in the file of each benchmark of `suite`, from 0."""
    mistakes: list[LineMistake]
    lines: Lines

    def located(self, mistakes: Iterable[Mistake]) -> list[LineMistake]:
        """Return mistakes in `suite` with their lines in the file."""
        return [
            LineMistake(self.lines.line(self._in_file(mistake.place)), mistake.message)
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
    lines = read_lines(text)
    if lines.root is None and lines.mistakes:
        return Form(None, (), lines.mistakes, lines)
    if not isinstance(lines.content, dict):
        message = "A suite file is a mapping with `name`, `title` and `benchmarks`."
        return Form(None, (), [LineMistake(1, message)], lines)
    fields, numbers, wrong = _fields(lines.content)
    suite = Suite.model_construct(**fields) if fields.get("benchmarks") else None
    form = Form(suite, numbers, [], lines)
    found = [LineMistake(lines.line(place), message) for place, message in wrong]
    if suite:
        found += form.located(contradictions(suite))
    return form._replace(mistakes=sorted([*lines.mistakes, *found]))


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
        return None, [mistake_of(dict(error), place) for error in exc.errors()]
