"""The pages that are made from the code are those of the code as it is."""

import pytest

from tests.docs.documented import ROOT
from tests.docs.reference.pages import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert text == PAGES[name](), "Run `make reference`."
