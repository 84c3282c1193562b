import io
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from evalboard.records.board_files import GoneRow
from evalboard.settings import Settings
from tests.leaderboard_app.serving import build_app, serving

ATOM = "{http://www.w3.org/2005/Atom}"
FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def rows(board_folder: Any, make_row: Callable[..., Any]) -> list[dict[str, Any]]:
    rows = [make_row(f"org/model-{number}", number / 100) for number in range(30, 40)]
    rows[0] |= {"flags": ["copy", "renamed"], "sender": FORMULA}
    board_folder.write_board(rows)
    return rows


def test_a_line_of_pandas_reads_everything_in_full_precision(
    http: httpx.Client, viewer_address: str, rows: list[dict[str, Any]]
) -> None:
    stored = pd.DataFrame(rows).set_index("model")
    parquet = pd.read_parquet(f"{viewer_address}/data/board.parquet").set_index("model")
    csv = pd.read_csv(f"{viewer_address}/data/board.csv").set_index("model")
    for read in (parquet, csv):
        assert read.columns[0] == "rank"
        assert {*stored.columns} <= {*read.columns}
        assert read["rank"].to_list() == list(range(1, 11))
        for name in ("medqa_4options", "medqa_4options__low", "average", "sha"):
            assert read[name].to_dict() == stored[name].to_dict()
    assert list(parquet.loc["org/model-30", "flags"]) == ["copy", "renamed"]
    assert csv.loc["org/model-30", "flags"] == "copy;renamed"
    assert csv.loc["org/model-30", "sender"] == f"'{FORMULA}"


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "path", ["data/board.parquet", "data/board.csv", "badge/org/model-31.svg", "picture.png"]
)
def test_an_unchanged_file_is_not_sent_twice(http: httpx.Client, path: str) -> None:
    first = http.get(f"/{path}").raise_for_status()
    assert first.content
    again = http.get(f"/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_before_the_first_board_there_is_no_file(http: httpx.Client) -> None:
    for path in ("data/board.parquet", "data/board.csv", "picture.png"):
        assert http.get(f"/{path}").status_code == 404
    assert "–" in http.get("/badge/org/model.svg").text
    assert ElementTree.fromstring(http.get("/data/board.atom").text).findall(f"{ATOM}entry") == []


@pytest.mark.usefixtures("rows")
def test_a_badge_says_rank_or_average(http: httpx.Client, hostile_name: str) -> None:
    badge = http.get("/badge/org/model-38.svg")
    assert badge.headers["content-type"] == "image/svg+xml"
    assert (
        "Open Medical-LLM Leaderboard: #2 / 10"
        in ElementTree.fromstring(badge.text).attrib.values()
    )
    assert " %</text>" in http.get("/badge/org/model-38.svg?show=average").text
    unknown = http.get(f"/badge/org/{hostile_name.replace('/', '')}.svg").text
    assert "<img" not in unknown
    assert ">–</text>" in unknown


@pytest.mark.usefixtures("rows")
def test_a_picture_of_a_model_is_another_than_that_of_the_board(http: httpx.Client) -> None:
    pictures = [http.get(f"/picture.png{query}").content for query in ("", "?id=org/model-31")]
    assert [Image.open(io.BytesIO(body)).size for body in pictures] == [(1200, 630)] * 2
    assert pictures[0] != pictures[1]
    assert http.get("/picture.png?id=no/such").status_code == 404


def entries(text: str) -> list[tuple[str, str]]:
    found = ElementTree.fromstring(text).findall(f"{ATOM}entry")
    return [(e.findtext(f"{ATOM}title", ""), e.find(f"{ATOM}link").attrib["href"]) for e in found]  # type: ignore[union-attr]


def test_feeds_tell_the_latest_first(
    http: httpx.Client, board_folder: Any, make_row: Any, make_entry: Any, hostile_name: str
) -> None:
    old = make_row("org/old", 0.5, finished_time="2026-11-01T00:00:00Z")
    board_folder.write_board(
        [old, make_row(hostile_name, 0.6, finished_time="2026-11-03T00:00:00Z")],
        gone=[GoneRow(model="org/gone", sha="a" * 40, time="2026-11-02T00:00:00Z")],
    )
    told = entries(http.get("/data/board.atom").text)
    assert [title for title, _ in told] == [
        f"{hostile_name} is on the board",
        "org/gone is no longer on the board",
        "org/old is on the board",
    ]
    assert told[2][1].startswith("../model?id=org%2Fold&sha=")
    board_folder.write_queue(
        [
            make_entry("a/one", "FAILED", sender="Lab", changed_time="2026-11-01T00:00:00Z"),
            make_entry("a/two", "PENDING", sender="lab", changed_time="2026-11-02T00:00:00Z"),
            make_entry("a/three", "PENDING", sender="other"),
        ]
    )
    own = entries(http.get("/data/queue.atom?sender=LAB").text)
    assert [title for title, _ in own] == ["a/two: Pending", "a/one: Failed"]
    assert own[0][1] == "../queue?search=a%2Ftwo&sender=lab"
    assert len(entries(http.get("/data/queue.atom?lang=de").text)) == 3


@pytest.fixture(scope="module")
def known_address(settings: Settings) -> Iterator[str]:
    """A viewer that knows its public address."""
    known = settings.model_copy(update={"viewer_address": "https://board.example.org/lab/"})
    with serving(build_app(known)) as address:
        yield address


@pytest.mark.usefixtures("rows")
def test_whole_addresses_are_those_of_the_setting(known_address: str, http: httpx.Client) -> None:
    page = httpx.get(f"{known_address}/model?id=org/model-31&lang=de", timeout=300).text
    picture = "https://board.example.org/lab/picture.png?id=org%2Fmodel-31"
    assert f'<meta property="og:image" content="{picture}">' in page
    assert 'og:url" content="https://board.example.org/lab/model?id=org%2Fmodel-31"' in page
    feed = httpx.get(f"{known_address}/data/board.atom", timeout=300).text
    assert entries(feed)[0][1].startswith("https://board.example.org/lab/model?id=")
    assert "og:image" not in http.get("/model?id=org/model-31").text


def test_a_request_names_the_board_only_where_its_names_are_known(
    settings: Settings, rows: Any
) -> None:
    known = settings.model_copy(update={"viewer_hosts": "board.test"})
    with serving(build_app(known)) as address:
        heads = {"Host": "board.test", "X-Forwarded-Proto": "https"}
        page = httpx.get(address, headers=heads, timeout=300).text
    assert '<meta property="og:image" content="https://board.test/picture.png">' in page


def test_parquet_is_what_the_pages_show(http: httpx.Client, rows: list[dict[str, Any]]) -> None:
    table = pq.read_table(io.BytesIO(http.get("/data/board.parquet").content))
    assert (
        table.column("model").to_pylist() == http.get("/data/board.json").json()["columns"]["model"]
    )
