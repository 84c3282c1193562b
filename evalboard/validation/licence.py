"""Check that the model card names a known licence."""

import posixpath
import re
from collections.abc import Callable, Mapping

from evalboard.records.report import Finding
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, listed, quoted, warning
from evalboard.validation.licences import is_known_licence
from evalboard.validation.model_card import CARD_NAME, ModelCard, texts
from evalboard.wording import plain

FRONT_MATTER = "the front matter of README.md"
_ADDRESS = re.compile(r"https?://\S+")
_ON_THE_HUB = re.compile(r"^/?(?:blob|resolve|raw)/[^/]+/")
"""What the Hub puts before the path of a file."""


def check(evidence: Evidence) -> Outcome:
    """Check `license` and, for `other`, the required name and link.

    An adapter or delta without a licence has the licence of its base model.
    """
    card, files = evidence.card or ModelCard({}, ""), evidence.repository.files()
    licences = texts(card.metadata.get("license"))
    if not licences and card.problem:
        return Outcome()  # said by the check of the card
    if not licences and evidence.base and evidence.base.card:
        card, files = evidence.base.card, evidence.base.repository.files()
        licences = texts(card.metadata.get("license"))
    if not licences:
        finding = error(
            "no_license",
            "The model card does not name a licence.",
            fix=f"Add `license: <identifier>` to {FRONT_MATTER}.",
            where=CARD_NAME,
        )
        return Outcome((finding,))
    named = [name for name in licences if name != "other"]
    unknown = [name for name in named if not is_known_licence(name)]
    findings = (_unknown(unknown),) if unknown else ()
    links = texts(card.metadata.get("license_link"))
    bad_link = bool(links) and not _leads_somewhere(links[0], files)
    if "other" in licences:
        findings += (_bad_link(links[0], error),) if bad_link else ()
        other = _other(card)
        return Outcome((*findings, *other.findings), other.facts)
    # The terms are known by their name.
    findings += (_bad_link(links[0], warning),) if bad_link else ()
    return Outcome(findings, {"license": plain(", ".join(licences), 100)})


def _unknown(names: list[str]) -> Finding:
    return error(
        "unknown_license",
        f"The licence {listed(names)} is unknown.",
        fix="Use the SPDX id of an open licence, a name from the Hub's list, or `other` with "
        "`license_name` and `license_link`.",
        where=f"{CARD_NAME}: license",
    )


def _other(card: ModelCard) -> Outcome:
    name = texts(card.metadata.get("license_name"))
    link = texts(card.metadata.get("license_link"))
    if name and link:
        return Outcome(facts={"license": plain(name[0], 100)})
    wanting = [key for key, has in (("license_name", name), ("license_link", link)) if not has]
    finding = error(
        "license_incomplete",
        f"The licence is {quoted('other')}. Missing: {' and '.join(wanting)}.",
        fix=f"Add `license_name` and `license_link` next to `license` to {FRONT_MATTER}.",
        where=CARD_NAME,
    )
    return Outcome((finding,), {"license": "other"})


def _leads_somewhere(link: str, files: Mapping[str, int]) -> bool:
    """Return whether a link is a web address or a file of the repository, as the Hub shows it."""
    if _ADDRESS.fullmatch(link):
        return True
    path = _ON_THE_HUB.sub("", link.partition("#")[0])
    return posixpath.normpath(path).removeprefix("/") in files


def _bad_link(link: str, make: Callable[..., Finding]) -> Finding:
    return make(
        "bad_license_link",
        f"The licence link {quoted(link)} is neither a web address nor a file of the repository.",
        fix="Use an address that starts with https://, or the name of a file in the repository.",
        where=f"{CARD_NAME}: license_link",
    )
