"""Check that the model card exists, is long enough and has no active content."""

from collections.abc import Iterator

from evalboard.records.report import Finding
from evalboard.validation.active_content import active_content, control_character, is_plain
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, quoted
from evalboard.validation.model_card import CARD_NAME, ModelCard, texts

MIN_CARD_CHARACTERS = 200
"""Minimum number of characters after the front matter, as on other boards."""
SHOWN_KEYS = ("license", "license_name", "license_link", "base_model", "tags", "language")
"""Fields of the front matter that boards and pages show."""


def check(evidence: Evidence) -> Outcome:
    """Check that the card exists and is readable, long enough and harmless."""
    card = evidence.card
    if card is None:
        finding = error(
            "no_card",
            "The model card is missing.",
            fix="Add a README.md that describes the model, its training and its intended use.",
            where=CARD_NAME,
        )
        return Outcome((finding,))
    if card.is_pointer:
        return Outcome()  # said by the check for pointers
    return Outcome((*_judge_form(card), *_judge_text(card), *_judge_metadata(card)))


def _judge_form(card: ModelCard) -> Iterator[Finding]:
    if card.problem:
        yield error(
            "bad_card",
            f"The model card cannot be parsed: {card.problem}.",
            fix="Start README.md with YAML between two lines that contain only '---'.",
            where=CARD_NAME,
        )
    length = len(" ".join(card.text.split()))
    if length < MIN_CARD_CHARACTERS:
        yield error(
            "short_card",
            f"The model card has only {length} characters of text. At least {MIN_CARD_CHARACTERS} are "
            "required.",
            fix="Describe the model, its training and its intended use.",
            where=CARD_NAME,
        )


def _judge_text(card: ModelCard) -> Iterator[Finding]:
    found = active_content(card.text)
    if found:
        yield error(
            "active_content",
            f"The model card contains HTML that a browser would run or load: {quoted(found)}.",
            fix="Remove it. If it is an example, put it into a code block.",
            where=CARD_NAME,
        )
    character = control_character(card.text)
    if character:
        yield error(
            "control_characters",
            f"The model card contains control characters. The first one is {character}.",
            fix="Save README.md as plain text in UTF-8.",
            where=CARD_NAME,
        )


def _judge_metadata(card: ModelCard) -> Iterator[Finding]:
    for key in SHOWN_KEYS:
        strange = [value for value in texts(card.metadata.get(key)) if not is_plain(value)]
        if strange:
            yield error(
                "unsafe_metadata",
                f"The model card's {key} is {quoted(strange[0])}, which cannot be shown on a page.",
                fix="Remove HTML tags and control characters.",
                where=f"{CARD_NAME}: {key}",
            )
