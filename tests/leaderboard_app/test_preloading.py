"""What the front page names in its head."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from leaderboard_app.app import STATIC
from leaderboard_app.preloading import modules_of

# Before the page looks again, four seconds after it had the board.
_TIMES_FETCHED = """ending => {
  const all = performance.getEntriesByType("resource").filter(entry => entry.name.endsWith(ending));
  return all.filter(entry => entry.startTime < all[0].responseEnd + 3000).length;
}"""


def test_modules_are_found_through_all_imports(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "a.js").write_text('import { b } from "./parts/b.js";\nimport "./c.js";\n')
    (tmp_path / "parts" / "b.js").write_text(
        'import {\n  c,\n} from "../c.js";\nexport const b = 1;'
    )
    (tmp_path / "c.js").write_text('export { a } from "./a.js";\nconst text = "./not-me.js";')
    names = [path.relative_to(tmp_path).as_posix() for path in modules_of(tmp_path / "a.js")]
    assert names == ["a.js", "parts/b.js", "c.js"]


def test_only_the_front_page_names_the_board_and_its_modules(http: httpx.Client) -> None:
    links = http.get("/").headers["link"]
    assert "<data/board.json>; rel=preload; as=fetch" in links
    for module in modules_of(STATIC / "board.js"):
        assert f"<ui/{module.relative_to(STATIC)}>; rel=modulepreload" in links
    assert "<ui/board.css>; rel=preload; as=style" in links
    assert "link" not in http.get("/about").headers


def test_the_board_is_fetched_once(page: Page, board_folder: Any, make_row: Any) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    page.goto("/")
    page.get_by_role("link", name="org/model").first.wait_for()
    assert page.evaluate(_TIMES_FETCHED, "/ui/board.js") == 1
    assert page.evaluate(_TIMES_FETCHED, "/data/board.json") == 1
