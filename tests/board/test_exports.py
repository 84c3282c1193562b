import io
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.board.exports import FORMATS, export
from evalboard.errors import ConfigError
from evalboard.records.board_files import BenchmarkColumn, BoardMeta

META = BoardMeta(
    suite="s",
    title="Board of\nours",
    benchmarks=(BenchmarkColumn(key="b", title="A_b | c", fewshot=0, metric="acc", baseline=0.25),),
    revision="1",
    built_at="2026-12-01T00:00:00Z",
    content_hash="hash",
)
ROWS: list[dict[str, Any]] = [
    {
        "model": "org/first_one",
        "license": ' =HYPERLINK("http://evil.example")',
        "flags": ["limit", "cut"],
        "average": 0.5625,
        "average__rank": 1.0,
        "average__rank_low": 1.0,
        "average__rank_high": 2.0,
        "b": 0.5625,
        "b__low": 0.5,
        "b__high": 0.625,
    },
    {
        "model": "org/second",
        "license": "Größe, mit\nZeile",
        "flags": [],
        "average": None,
        "average__rank": None,
        "average__rank_low": None,
        "average__rank_high": None,
        "b": None,
        "b__low": None,
        "b__high": None,
    },
]
TABLE = pa.Table.from_pylist(ROWS)


def exported(ending: str) -> bytes:
    return export(TABLE, META, ending)


def test_programs_get_every_value_back() -> None:
    assert pq.read_table(io.BytesIO(exported(".parquet"))).equals(TABLE)
    document = json.loads(exported(".json"))
    assert document["rows"] == ROWS
    assert (document["suite"], document["content_hash"]) == ("s", "hash")
    table = pd.read_csv(io.BytesIO(exported(".csv")), encoding="utf-8-sig")
    assert list(table) == TABLE.column_names
    assert table["b"].tolist()[0] == 0.5625
    assert table["b"].isna().tolist() == [False, True]
    assert table["license"].tolist()[1] == ROWS[1]["license"]
    assert table["flags"].tolist()[0] == "limit cut"


def test_a_spreadsheet_runs_nothing_that_a_stranger_wrote() -> None:
    table = pd.read_csv(io.BytesIO(exported(".csv")), encoding="utf-8-sig")
    assert table["license"].tolist()[0] == f"'{ROWS[0]['license']}"


def test_readers_get_ranks_and_percent_with_intervals() -> None:
    assert exported(".md").decode().splitlines() == [
        "Board of ours, 2026-12-01T00:00:00Z: percent, with intervals of 95 %; ranks with their "
        "ranges.",
        "",
        r"| Rank | Model | Average | A\_b \| c |",
        "| ---: | --- | ---: | ---: |",
        r"| 1 (1–2) | org/first\_one | 56.2 | 56.2 (50.0–62.5) |",
        "| — | org/second | — | — |",
    ]
    latex = exported(".tex").decode()
    assert latex.startswith("% Board of ours, ")
    for line in (
        r"\begin{tabular}{rlrr}",
        r"\toprule",
        r"1 (1--2) & org/first\_one & 56.2 & 56.2 (50.0--62.5) \\",
        r"--- & org/second & --- & --- \\",
        r"\bottomrule",
    ):
        assert line in latex.splitlines()


def test_another_ending_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'\.xls'.*\.csv.*\.tex"):
        exported(".xls")
    assert all(exported(ending) for ending in FORMATS)
