from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from leaderboard_app.static_files import static_route

TYPES = {"a.js": "text/javascript", "board/b.css": "text/css", "c.svg": "image/svg+xml"}


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    folder = tmp_path / "static"
    (folder / "board").mkdir(parents=True)
    for name in TYPES:
        (folder / name).write_text("x" * 1000, encoding="utf-8")
    (tmp_path / "secret.py").write_text("x", encoding="utf-8")
    return TestClient(Starlette(routes=[static_route("/ui", folder)]))


@pytest.mark.parametrize("name", TYPES)
def test_files_have_the_types_that_browsers_insist_on(name: str, client: TestClient) -> None:
    answer = client.get(f"/ui/{name}").raise_for_status()
    assert answer.headers["content-type"].partition(";")[0] == TYPES[name]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_is_compressed_and_not_sent_twice(client: TestClient, tmp_path: Path) -> None:
    first = client.get("/ui/a.js", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    again = client.get("/ui/a.js", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    (tmp_path / "static" / "a.js").write_text("new", encoding="utf-8")
    assert client.get("/ui/a.js", headers=known).text == "new"


@pytest.mark.parametrize("path", ["no.js", "..%2Fsecret.py", "board", "", "%2Fetc%2Fpasswd"])
def test_nothing_but_files_of_the_folder_is_sent(path: str, client: TestClient) -> None:
    assert client.get(f"/ui/{path}").status_code == 404
