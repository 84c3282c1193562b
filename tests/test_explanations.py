"""Every finding and every failure is explained, and the docs have the same words."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from evalboard.backends import BACKENDS
from evalboard.errors import EvalboardError, ModelNotFound
from evalboard.explanations import explanations, failures_table, findings_table
from leaderboard_app.submissions import Form

ROOT = Path(__file__).parents[1]
SOURCES = [
    *(ROOT / "evalboard" / "validation").glob("*.py"),
    *(ROOT / "evalboard" / "intake").glob("*.py"),
]
MAKERS = {"error", "warning", "info", "make", "loading_failed"}
MADE_FROM_NAMES = {"precision_unknown", "weight_type_unknown", "invalid_name"}
FALLING_BACK = {f"{backend.name}_falls_back" for backend in BACKENDS.values() if backend.falls_back}
UNKNOWN = {f"unknown_to_{backend.name}" for backend in BACKENDS.values() if backend.architectures()}
CODE = re.compile(r'^    code = "', re.MULTILINE)


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


def test_every_finding_is_explained_and_no_other() -> None:
    written = {code for path in SOURCES for code in codes(path)}
    written |= MADE_FROM_NAMES | FALLING_BACK | UNKNOWN
    written |= {kind.code for kind in (ModelNotFound, *ModelNotFound.__subclasses__())}
    listed = set(explanations().finding_kinds)
    assert listed - {"bad_header"} == written - {"bad_header"}


def kinds(kind: type[EvalboardError]) -> Iterator[type[EvalboardError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from kinds(special)


def test_every_failure_is_explained_and_no_other() -> None:
    for path in (ROOT / "evalboard").glob("**/*.py"):
        if CODE.search(path.read_text(encoding="utf-8")):
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    ours = {k.code for k in kinds(EvalboardError) if k.__module__.startswith("evalboard.")}
    assert set(explanations().failures) == ours


def test_every_field_is_one_of_the_form() -> None:
    fields = {kind.field for kind in explanations().finding_kinds.values() if kind.field}
    assert fields <= set(Form.model_fields)


def test_the_docs_have_the_same_words() -> None:
    pages = {"validation": findings_table(), "lifecycle": failures_table()}
    for page, table in pages.items():
        text = (ROOT / "docs" / "design" / f"{page}.md").read_text(encoding="utf-8")
        assert table in text, page


def test_nothing_that_a_submitter_reads_names_a_setting() -> None:
    told = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "evalboard" / "validation").glob("*.py")
    )
    told += (ROOT / "evalboard" / "intake" / "suite_findings.py").read_text(encoding="utf-8")
    named = re.findall(r'f?"[^"\n]*EVALBOARD_[A-Z]+', told)
    assert named == []
    assert not [text for text in explanations().sentences if "EVALBOARD_" in text]
