import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalboard.errors import ConfigError
from evalboard.settings import Settings
from leaderboard_app.app import serve
from tests.leaderboard_app.serving import build_app, serving

HEAVY = ("prefect", "torch", "transformers", "lm_eval", "vllm", "ray")


def test_builds_without_anything_that_evaluates(settings: Settings) -> None:
    program = f"""
import sys
from pathlib import Path
from evalboard.settings import Settings
from leaderboard_app.app import create_app
create_app(Settings(home=Path({str(settings.home)!r}), suite={settings.suite!r}))
loaded = {{name.partition(".")[0] for name in sys.modules}}
sys.exit(", ".join(sorted(loaded & set({HEAVY!r}))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not Path(settings.home).exists()


def test_a_wrong_suite_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="'nonsense'"):
        serve(settings.model_copy(update={"suite": "nonsense"}))


def test_a_taken_port_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} .*EVALBOARD_VIEWER_PORT"):
            serve(settings.model_copy(update={"viewer_port": port}))


def test_board_answer_is_compressed_and_not_sent_twice(
    http: httpx.Client, board_folder: Any, make_row: Any, hostile_name: str
) -> None:
    rows = [make_row(f"org/model-{number}", number / 100) for number in range(30, 80)]
    board_folder.write_board([*rows, make_row(hostile_name, 0.2)])
    first = http.get("/data/board.json", headers={"Accept-Encoding": "br"})
    assert first.headers["content-encoding"] == "br"
    assert int(first.headers["content-length"]) < len(first.content) / 3
    document = first.json()
    assert document["rows"] == 51
    assert document["columns"]["model"][0] == "org/model-79"
    assert document["columns"]["model"][-1] == hostile_name
    known = {"If-None-Match": first.headers["etag"]}
    again = http.get("/data/board.json", headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_serves_every_page_and_file_without_a_board(http: httpx.Client) -> None:
    assert http.get("/data/board.json").json()["meta"] is None
    assert http.get("/data/queue.json").json()["entries"] == []
    for path in ("/", "/queue", "/submit", "/about", "/model?id=no/such"):
        assert "gradio" in http.get(path).raise_for_status().text
    head = http.get("/").text
    for name in ("board.js", "queue.js", "frame.css", "favicon.svg"):
        assert f"ui/{name}" in head
    for name in ("board.js", "board/grid.js", "dom.js", "frame.css", "favicon.svg"):
        http.get(f"/ui/{name}").raise_for_status()
    assert http.get("/ui/texts.de.json").json()["Queue"] == "Warteschlange"
    assert http.get("/ui/texts.xx.json").status_code == 404
    assert http.get("/ui/no-such.js").status_code == 404
    assert http.get("/ui/..%2Fapp.py").status_code == 404


def test_a_page_says_what_it_is_before_its_scripts_run(
    http: httpx.Client, board_folder: Any, make_row: Any, hostile_name: str
) -> None:
    rows = [make_row(f"org/model-{number}", 0.2 + number / 100) for number in range(60)]
    board_folder.write_board([*rows, make_row(hostile_name, 0.9)])
    front = http.get("/?lang=de").raise_for_status().text
    assert not re.search("Click to try|gradio.app/|@Gradio|{url}", front)
    title = "Open Medical-LLM Leaderboard"
    assert f'<meta property="og:title" content="{title}">' in front
    assert "Werte von 61 Modellen in 9 Benchmarks." in front
    table = front.partition('<div id="shell">')[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == 50
    assert "<noscript>" not in table
    sorted_otherwise = http.get("/?sort=model").text.partition('<div id="shell">')[2]
    assert sorted_otherwise.partition("<noscript>")[2].count('<th scope="row">') == 50
    assert f"{100 * rows[-1]['medmcqa']:.1f}".replace(".", ",") in table
    assert "<img" not in front
    assert f"<title>Queue · {title}</title>" in http.get("/queue").text
    model = http.get("/model?id=org/model-59").text
    assert f'og:title" content="org/model-59 · {title}"' in model
    assert re.search(r'og:description" content="Average [\d.]+ %, rank \d+ of 61."', model)
    assert "<table" not in http.get("/queue").text


def test_an_address_with_nothing_leads_to_the_board(http: httpx.Client) -> None:
    answer = http.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert '<a href="/">To the board</a>' in answer.text
    assert http.get("/nothing").json() == {"error": "There is nothing at this address."}


def test_an_unreadable_board_is_explained_without_details(
    settings: Settings, board_folder: Any
) -> None:
    board_folder.write({"board.parquet": b"garbage", "board.json": b"garbage"})
    # Of its own: another has a last good state.
    with serving(build_app(settings)) as address:
        answer = httpx.get(f"{address}/data/board.json", timeout=300)
        queue = httpx.get(f"{address}/data/queue.json", timeout=300)
    assert answer.status_code == 503
    assert "cannot be read right now" in answer.json()["error"]
    assert "garbage" not in answer.text
    assert str(board_folder.folder) not in answer.text
    assert queue.status_code == 200
