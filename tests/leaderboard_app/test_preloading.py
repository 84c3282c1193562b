"""What the front page names in its head."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from leaderboard_app.app import STATIC
from leaderboard_app.preloading import modules_of


def test_modules_are_found_through_all_imports(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "a.js").write_text('import { b } from "./parts/b.js";\nimport "./c.js";\n')
    (tmp_path / "parts" / "b.js").write_text(
        'import {\n  c,\n} from "../c.js";\nexport const b = 1;'
    )
    (tmp_path / "c.js").write_text('export { a } from "./a.js";\nconst text = "./not-me.js";')
    names = [path.relative_to(tmp_path).as_posix() for path in modules_of(tmp_path / "a.js")]
    assert names == ["a.js", "parts/b.js", "c.js"]


def test_only_the_front_page_names_the_board_and_its_modules(viewer_address: str) -> None:
    links = httpx.get(viewer_address).headers["link"]
    assert "<data/board.json>; rel=preload; as=fetch" in links
    for module in modules_of(STATIC / "board.js"):
        assert f"<ui/{module.relative_to(STATIC)}>; rel=modulepreload" in links
    assert "link" not in httpx.get(f"{viewer_address}/about").headers


def test_the_board_is_fetched_once(page: Page, board_folder: Any, make_row: Any) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.get_by_role("link", name="org/model").first.wait_for()
    assert sum(url.endswith("/data/board.json") for url in asked) == 1
    assert len([url for url in asked if url.endswith("/ui/board.js")]) == 1
