"""The findings of the checks, as the code writes them down."""

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from evalboard.backends import BACKENDS
from evalboard.errors import ModelNotFound
from evalboard.validation.headers import BadHeader
from tests.docs.reference.markdown import page, prose, summary, table

ROOT = Path(__file__).parents[3]
MODULES = (
    *sorted((ROOT / "evalboard" / "validation").glob("*.py")),
    *sorted((ROOT / "evalboard" / "intake").glob("*.py")),
)
LEVELS = {
    "error": "error",
    "warning": "warning",
    "info": "info",
    "make": "error or warning",
    "loading_failed": "error",
}
"""Level of a finding by the function that makes it. `make` is a variable for one of two."""
ANYTHING = "…"
MADE_FROM_NAMES: Mapping[str, tuple[str, ...]] = {
    "…_falls_back": tuple(f"{b.name}_falls_back" for b in BACKENDS.values() if b.falls_back),
    "unknown_to_…": tuple(f"unknown_to_{b.name}" for b in BACKENDS.values() if b.architectures()),
    "…_unknown": ("precision_unknown", "weight_type_unknown"),
}
"""The codes behind one that is put together."""
NOT_FOUND = tuple(
    sorted(["invalid_name", *(k.code for k in (ModelNotFound, *ModelNotFound.__subclasses__()))])
)
"""Codes of the errors that `evalboard.validation.checks` turns into findings."""
USUAL_FINDING = inspect.signature(BadHeader).parameters["finding"].default


class Told(NamedTuple):
    """One finding in the code."""

    module: str
    """Its docstring's first sentence."""
    codes: tuple[str, ...]
    level: str
    message: str
    fix: str


def findings_page() -> str:
    """Return the page."""
    told = [finding for path in MODULES for finding in _findings(path)]
    sections: list[str] = []
    for module, findings in groupby(told, key=lambda finding: finding.module):
        rows = [
            (
                ", ".join(f"`{code}`" for code in f.codes),
                f.level,
                f"{prose(f.message)} {prose(f.fix)}",
            )
            for f in findings
        ]
        sections += [f"## {module}", table(("code", "level", "message, and what to do"), rows)]
    return page(
        "Findings",
        "What the [checks on a submission](../design/validation.md) can find. Only an *error* rejects the "
        "submission. `…` stands for a value.",
        *sections,
    )


def _findings(path: Path) -> Iterator[Told]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    title = summary(ast.get_docstring(tree)).rstrip(".")
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        words = _Words(module, function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from _told(title, node, words)


def _told(title: str, call: ast.Call, words: "_Words") -> Iterator[Told]:
    assert isinstance(call.func, ast.Name)
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    fix = words.of(named["fix"]) if "fix" in named else ""
    if call.func.id == BadHeader.__name__:  # becomes a finding with its code
        message = f"Weights file … is broken: it {words.of(call.args[0])}."
        codes = words.codes(named["finding"]) if "finding" in named else [USUAL_FINDING]
        yield Told(title, tuple(codes), "error", message, fix)
    elif call.func.id in LEVELS and call.args:
        message = words.of(call.args[1])
        if call.func.id == "loading_failed":
            message = f"Loading {message} failed: …."
        if codes := tuple(dict.fromkeys(words.codes(call.args[0]))):
            yield Told(title, codes, LEVELS[call.func.id], message, fix)


class _Assigned(NamedTuple):
    """A text that a function gives a name."""

    line: int
    block: range
    """Lines of the block in which it is done."""
    value: ast.expr


class _Words:
    """The texts of a function's expressions, with `…` for what is known only at run time."""

    def __init__(self, module: str, function: ast.FunctionDef) -> None:
        self.module = module
        self._names = vars(importlib.import_module(module))
        self._assigned: dict[str, list[_Assigned]] = {}
        for block in _blocks(function):
            lines = range(block[0].lineno, (block[-1].end_lineno or 0) + 1)
            for node in block:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    assigned = _Assigned(node.lineno, lines, node.value)
                    self._assigned.setdefault(node.targets[0].id, []).append(assigned)

    def of(self, value: ast.expr) -> str:
        """Return the text, or its variants with `/` between them."""
        match value:
            case ast.Constant():
                return str(value.value)
            case ast.JoinedStr():
                return "".join(
                    str(part.value) if isinstance(part, ast.Constant) else ANYTHING
                    for part in value.values
                ).replace(ANYTHING + ANYTHING, ANYTHING)
            case ast.IfExp():
                return f"{self.of(value.body)} / {self.of(value.orelse)}"
            case ast.BinOp():
                return self.of(value.left) + self.of(value.right)
            case ast.Name() if value.id in self._assigned:
                return " / ".join(self.of(one) for one in self._values(value))
            case ast.Name() if isinstance(text := self._names.get(value.id), str):
                return text
            case _:
                return ANYTHING

    def _values(self, name: ast.Name) -> list[ast.expr]:
        """Return the last value that the name surely has there, or all that it may have."""
        every = self._assigned[name.id]
        before = [one for one in every if one.line < name.lineno and name.lineno in one.block]
        return [one.value for one in before[-1:] or every]

    def codes(self, value: ast.expr) -> Iterator[str]:
        """Give the codes that an expression can be."""
        for code in self.of(value).split(" / "):
            if code in MADE_FROM_NAMES:
                yield from MADE_FROM_NAMES[code]
            elif self.module == "evalboard.validation.checks":
                yield from NOT_FOUND
            elif ANYTHING not in code:
                yield code


def _blocks(function: ast.FunctionDef) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield block
