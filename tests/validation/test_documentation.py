"""The page on the checks lists every code that a finding can have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from evalboard.backends import BACKENDS
from evalboard.errors import ModelNotFound

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "evalboard" / "validation").glob("*.py"),
    *(ROOT / "evalboard" / "intake").glob("*.py"),
]
MAKERS = {"error", "warning", "info", "make", "loading_failed"}
MADE_FROM_NAMES = {"precision_unknown", "weight_type_unknown", "invalid_name"}
FALLING_BACK = {f"{backend.name}_falls_back" for backend in BACKENDS.values() if backend.falls_back}
UNKNOWN = {f"unknown_to_{backend.name}" for backend in BACKENDS.values() if backend.architectures()}


def codes(path: Path) -> Iterator[str]:
    """Give the codes that a module writes down."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        named = [keyword.value for keyword in call.keywords if keyword.arg == "finding"]
        first = call.args[:1] if call.func.id in MAKERS else []
        for value in (*named, *first):
            parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (str(part.value) for part in parts if isinstance(part, ast.Constant))


def test_the_table_lists_every_code_and_no_other() -> None:
    written = {code for path in SOURCES for code in codes(path)}
    written |= MADE_FROM_NAMES | FALLING_BACK | UNKNOWN
    written |= {kind.code for kind in (ModelNotFound, *ModelNotFound.__subclasses__())}
    text = (ROOT / "docs" / "design" / "validation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", text[text.index("## All codes") :], re.MULTILINE)
    listed = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert listed - {"bad_header"} == written - {"bad_header"}
