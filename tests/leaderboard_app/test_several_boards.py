"""Several boards of one installation, over real connections."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from evalboard.settings import Settings
from tests.leaderboard_app.boards import BoardFolder, make_entry, make_row
from tests.leaderboard_app.serving import build_app, serving

FURTHER = "medical-pl"
PREFIX = f"/boards/{FURTHER}"
PAGES = ("", "compare", "analysis", "queue", "submit", "about", "model?id=org/m")


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """Settings of a viewer with a further board."""
    fields = {"home": home / "data", "suite": "open-medical", "suites": FURTHER, "offline": True}
    return Settings.model_validate(fields)


@pytest.fixture
def further(board_folder: BoardFolder) -> BoardFolder:
    """The further board of the store."""
    return BoardFolder(board_folder.folder, FURTHER, f"boards/{FURTHER}/")


def models_of(http: httpx.Client, prefix: str) -> list[str]:
    return http.get(f"{prefix}/data/board.json").raise_for_status().json()["columns"]["model"]


def test_each_board_has_data_of_its_own_and_follows_its_own_table(
    http: httpx.Client, board_folder: BoardFolder, further: BoardFolder
) -> None:
    board_folder.write_board([make_row("org/one", 0.5)])
    further.write_board([make_row("org/two", 0.6, suite=FURTHER)])
    assert (models_of(http, ""), models_of(http, PREFIX)) == (["org/one"], ["org/two"])
    further.write_board([make_row("org/three", 0.6, suite=FURTHER)], built_at="later")
    assert (models_of(http, ""), models_of(http, PREFIX)) == (["org/one"], ["org/three"])
    model = http.get(f"{PREFIX}/data/model.json", params={"id": "org/three"}).json()
    assert (model["suite"], len(model["scores"])) == (FURTHER, 1)
    assert http.get("/data/model.json", params={"id": "org/three"}).status_code == 404
    assert '<th scope="row"><a href="model?id=org%2Fthree' in http.get(f"{PREFIX}/").text

    functions = http.get(f"{PREFIX}/config").json()["dependencies"]
    (number,) = [function["id"] for function in functions if function["api_name"] == "board"]
    call = {"data": [""], "fn_index": number, "session_hash": "s"}
    http.post(f"{PREFIX}/gradio_api/queue/join", json=call).raise_for_status()
    stream = http.get(f"{PREFIX}/gradio_api/queue/data", params={"session_hash": "s"}).text
    assert "org/three" in stream


def test_each_board_has_every_page_and_the_files_are_shared(http: httpx.Client) -> None:
    for page in PAGES:
        answer = http.get(f"{PREFIX}/{page}").raise_for_status()
        assert "../../ui/board.js" in answer.text, page
        assert f'"root":"{PREFIX}"' in answer.text, page
    answer = http.get(f"{PREFIX}?search=x", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, f"{FURTHER}/?search=x")
    for path in ("/ui/board.js", "/api/names", "/openapi.json", "/health", "/no/such"):
        assert http.get(PREFIX + path).status_code == 404, path
    for path in ("/boards/demo/", "/boards/", f"/boards/{FURTHER}x/"):
        assert http.get(path).status_code == 404, path
    assert http.post(f"{PREFIX}/gradio_api/upload", json={}).status_code == 404
    assert http.post(f"{PREFIX}/api/check", json={"model": "a/b"}).status_code == 404


def test_one_queue_says_which_board_a_request_is_for(
    http: httpx.Client, board_folder: BoardFolder
) -> None:
    board_folder.write_queue([make_entry("org/m", "PENDING", suite=FURTHER)])
    documents = [http.get(f"{prefix}/data/queue.json").json() for prefix in ("", PREFIX)]
    assert documents[0] == documents[1]
    assert [entry["suite"] for entry in documents[0]["entries"]] == [FURTHER]
    folders = {name: board["folder"] for name, board in documents[0]["boards"].items()}
    assert folders == {"open-medical": "", FURTHER: f"boards/{FURTHER}/"}
    assert documents[0]["titles"].keys() >= {"medmcqa", "global_mmlu_full_pl"}


def test_a_board_that_cannot_be_read_is_said_by_health_and_leaves_the_others(
    settings: Settings, board_folder: BoardFolder, further: BoardFolder
) -> None:
    board_folder.write_board([make_row("org/one", 0.5)])
    further.write({f"{further.board}board.parquet": b"x", f"{further.board}board.json": b"x"})
    # Of its own: another has a last good state.
    with serving(build_app(settings)) as address, httpx.Client(base_url=address) as client:
        assert models_of(client, "") == ["org/one"]
        assert client.get(f"{PREFIX}/data/board.json").status_code == 503
        assert client.get("/health").status_code == 503


def test_only_suites_with_a_board_can_be_submitted_to(http: httpx.Client) -> None:
    form: dict[str, Any] = {"model": "org/none", "suites": ["open-medical", FURTHER]}
    assert http.post("/api/check", json=form).status_code == 200
    for wrong in ("demo", "open-medical-cot", "../x", "a.yaml", ""):
        form["suites"] = [FURTHER, wrong]
        answer = http.post("/api/submissions", json=form)
        assert (answer.status_code, "does not exist" in answer.json()["error"]) == (400, True)
