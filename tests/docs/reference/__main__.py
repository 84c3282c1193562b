"""Write the pages of `docs` that are made from the code."""

from pathlib import Path

from tests.docs.reference.pages import PAGES

FOLDER = Path(__file__).parents[3] / "docs"


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
