"""Check that there is a model card that says something."""

from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error
from evalboard.validation.model_card import CARD_NAME

SHORTEST_CARD = 200
"""Characters after the front matter, as today's boards ask for."""


def check(evidence: Evidence) -> Outcome:
    """Check that the card is there, readable and long enough."""
    card = evidence.card
    if card is None:
        finding = error(
            "no_card",
            "There is no model card.",
            fix="Add a README.md that says what the model is, how it was made and what it is for.",
            where=CARD_NAME,
        )
        return Outcome((finding,))
    findings = []
    if card.problem:
        findings.append(
            error(
                "bad_card",
                f"The model card cannot be read: {card.problem}.",
                fix="Start README.md with YAML between two lines of '---'.",
                where=CARD_NAME,
            )
        )
    length = len(" ".join(card.text.split()))
    if length < SHORTEST_CARD:
        findings.append(
            error(
                "short_card",
                f"The model card has {length} characters of text; at least {SHORTEST_CARD} are "
                "asked for.",
                fix="Say what the model is, how it was made and what it is for.",
                where=CARD_NAME,
            )
        )
    return Outcome(tuple(findings))
