"""Licences and model cards that say too little, or do too much."""

from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.good import licensed
from tests.validation.corpus.loading import Builder, without, written
from tests.validation.corpus.material import CARD, write_good

README = "README.md"


def with_licence(licence: str, **asked: Any) -> Builder:
    """Return a builder that replaces the line of the licence."""

    def build(folder: Path) -> dict[str, Any]:
        write_good(folder)
        licensed(folder, licence)
        return asked

    return build


def with_text(text: str) -> Builder:
    """Return a builder that adds to the card."""
    return written(README, f"{CARD}\n{text}\n")


MIT = "license: mit"
CASES = (
    Case("card absent", "no_card", without(README), README),
    Case("card of few words", "short_card", written(README, f"---\n{MIT}\n---\nA model."), README),
    Case("card without an end", "bad_card", written(README, f"---\n{MIT}\n{CARD[3:20]}"), README),
    Case("card that is no YAML", "bad_card", with_licence("license: ["), README),
    Case("card with a script", "active_content", with_text("<script>alert(1)</script>"), README),
    Case("card with a handler", "active_content", with_text("<img src=x onerror=f()>"), README),
    Case("card with a frame", "active_content", with_text("<iframe src='//x.org'>"), README),
    Case("card with a script link", "active_content", with_text("[a](javascript:f())"), README),
    Case("card with control characters", "control_characters", with_text("\x1b[2Jgone"), README),
    Case(
        "card with a tag for a tag",
        "unsafe_metadata",
        with_licence(f"{MIT}\ntags: ['<img src=x onerror=f()>']"),
        "tags",
    ),
    Case(
        "card that turns text round",
        "unsafe_metadata",
        with_licence(f'{MIT}\nbase_model: "org/\\u202emodel"'),
        "base_model",
    ),
    Case("licence absent", "no_license", with_licence("library_name: transformers"), README),
    Case("licence unknown", "unknown_license", with_licence("license: mine"), README),
    Case("licence other", "license_incomplete", with_licence("license: other"), README),
    Case(
        "licence with a script for a link",
        "bad_license_link",
        with_licence("license: other\nlicense_name: own\nlicense_link: 'javascript:f()'"),
        README,
    ),
    Case(
        "fine-tuned from nobody knows what",
        "base_model_not_in_card",
        with_licence(MIT, model_type="fine-tuned"),
        README,
    ),
)
