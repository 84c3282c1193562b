"""The files that evalboard writes, and the suite files that it reads."""

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evalboard.engine.benchmarks.details import SCHEMA
from evalboard.records.board_files import BenchmarkProgress, BoardMeta, QueueEntry
from evalboard.records.columns import BENCHMARK_SUFFIXES, COLUMNS
from evalboard.records.request import BoardBlock, Claim, Failure, HistoryEntry, RequestRecord
from evalboard.records.result import ModelConfig, Provenance, ResultDocument, Seconds
from evalboard.suites.averaging import Average, ColumnGroup, Ranked
from evalboard.suites.generation import GenerationPolicy
from evalboard.suites.model import Benchmark, DataSource, Suite
from evalboard.suites.texts import BenchmarkAbout, FrequentQuestion
from tests.docs.reference.markdown import page, prose, summary, table

REQUEST = (RequestRecord, BoardBlock, Claim, Failure, HistoryEntry)
RESULT = (ResultDocument, ModelConfig, Provenance, Seconds)
BOARD = (BoardMeta, QueueEntry, BenchmarkProgress)
SUITE = (
    Suite,
    Benchmark,
    BenchmarkAbout,
    DataSource,
    Average,
    Ranked,
    ColumnGroup,
    GenerationPolicy,
    FrequentQuestion,
)


def files_page() -> str:
    """Return the page."""
    columns = [(f"`{c.key}`", c.title or "") for c in COLUMNS]
    return page(
        "Files",
        "The exact form of each file. What the parts promise each other is in [names and "
        "places](../design/contracts.md). Readers keep keys that they do not know.",
        "## A request",
        "`{org}/{model}_eval_request_False_{precision}_{weight_type}[_chat][_think]_{sha8}.json` in the "
        "requests store: JSON of a `RequestRecord`.",
        *_models(REQUEST),
        "## A result",
        "`{org}/{model}/{sha}/{precision}_{weight_type}…/{suite}/results_{time}.json` in the results store: "
        "JSON of a `ResultDocument`.",
        *_models(RESULT),
        "## The answers",
        "`details/…/{benchmark}.parquet` in the results store: one row per question, in the order of the "
        "data set ([what each column means](../design/contracts.md#result)).",
        table(("column", "type"), [(f"`{field.name}`", str(field.type)) for field in SCHEMA]),
        "## The board",
        "`board.parquet` in the board store: one row per model, commit, precision, weight type, template "
        "and thinking. Each benchmark `b` adds "
        + ", ".join(f"`b{suffix}`" for suffix in BENCHMARK_SUFFIXES)
        + " ([meaning](../how-to/results.md#the-files)).",
        table(("column", "title on the page"), columns),
        "`board.json` is a `BoardMeta`, `queue.json` a list of `QueueEntry`.",
        *_models(BOARD),
        "## A suite",
        "YAML of a `Suite` ([how to make one](../how-to/new-suite.md)).",
        *_models(SUITE),
    )


def _models(models: tuple[type[BaseModel], ...]) -> Iterator[str]:
    for model in models:
        yield f"### {model.__name__}"
        yield summary(model.__doc__)
        told = _attribute_docstrings(model)
        yield table(
            ("key", "type", "default", "meaning"),
            [
                (
                    f"`{field.alias or name}`",
                    _type(field),
                    _default(field),
                    prose(told.get(name, "")),
                )
                for name, field in model.model_fields.items()
            ],
        )


def _type(field: FieldInfo) -> str:
    """Return the type of a field in the words of its annotation, such as `str`, `list of str`."""
    annotation = field.annotation
    text = (
        annotation.__name__
        if isinstance(annotation, type) and not typing.get_args(annotation)
        else str(annotation)
    )
    text = re.sub(r"typing\.|datetime\.|pathlib\.|(?:\w+\.)+(?=[A-Z])", "", text)
    text = re.sub(r"Annotated\[(\w+), .*?\](?=$|[,\]|])", r"\1", text)
    text = re.sub(r", FieldInfo\(.*?\)\]", "]", text)
    return f"`{text}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    is_empty = (
        field.default_factory is not None or value in (None, "", ()) or isinstance(value, BaseModel)
    )
    return "" if is_empty else f"`{value}`"


def _attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field, by name."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    told: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            told[field.target.id] = inspect.cleandoc(str(below.value.value))
    return told
