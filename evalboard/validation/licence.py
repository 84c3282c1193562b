"""Check that the model card names a licence."""

from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, plain, quoted
from evalboard.validation.model_card import CARD_NAME, ModelCard

FRONT_MATTER = "the front matter of README.md"


def check(evidence: Evidence) -> Outcome:
    """Check `license` and, for `other`, the name and link that must stand beside it.

    What stands on a base model and names no licence of its own is under its base's.
    """
    card = evidence.card or ModelCard({}, "")
    licences = _texts(card.metadata.get("license"))
    if not licences and evidence.base and evidence.base.card:
        card = evidence.base.card
        licences = _texts(card.metadata.get("license"))
    if not licences:
        finding = error(
            "no_license",
            "The model card names no licence.",
            fix=f"Write `license: <identifier>` into {FRONT_MATTER}.",
            where=CARD_NAME,
        )
        return Outcome((finding,))
    if "other" in licences:
        return _other(card)
    return Outcome(facts={"license": plain(", ".join(licences), 100)})


def _other(card: ModelCard) -> Outcome:
    name = _texts(card.metadata.get("license_name"))
    link = _texts(card.metadata.get("license_link"))
    if name and link:
        return Outcome(facts={"license": plain(name[0], 100)})
    wanting = [key for key, has in (("license_name", name), ("license_link", link)) if not has]
    finding = error(
        "license_incomplete",
        f"The licence is {quoted('other')}, without {' and '.join(wanting)}.",
        fix=f"Write `license_name` and `license_link` beside `license` into {FRONT_MATTER}.",
        where=CARD_NAME,
    )
    return Outcome((finding,), {"license": "other"})


def _texts(value: object) -> list[str]:
    """Return the texts of a front matter's value, which is one text or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [text.strip() for text in values if isinstance(text, str) and text.strip()][:8]
